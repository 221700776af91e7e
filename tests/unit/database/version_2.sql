BEGIN TRANSACTION;
CREATE TABLE saml_wsgi_companion_groups (
	user_id VARCHAR(256) NOT NULL, 
	name VARCHAR(1024) NOT NULL, 
	name_key VARCHAR(2048) DEFAULT '' NOT NULL, 
	PRIMARY KEY (user_id, name), 
	FOREIGN KEY(user_id) REFERENCES saml_wsgi_companions (user_id) ON DELETE CASCADE
);
INSERT INTO "saml_wsgi_companion_groups" VALUES('4','Wheel','wheel');
CREATE TABLE saml_wsgi_companions (
	user_id VARCHAR(256) NOT NULL, 
	identity VARCHAR(64) NOT NULL, 
	active BOOLEAN NOT NULL, 
	managed_by VARCHAR(2048) NOT NULL, 
	seen BIGINT NOT NULL, 
	created BIGINT NOT NULL, 
	PRIMARY KEY (user_id)
);
INSERT INTO "saml_wsgi_companions" VALUES('4','0f',1,'local',0,0);
CREATE TABLE saml_wsgi_groups (
	user_id VARCHAR(64) NOT NULL, 
	name VARCHAR(1024) NOT NULL, 
	name_key VARCHAR(2048) DEFAULT '' NOT NULL, 
	PRIMARY KEY (user_id, name), 
	FOREIGN KEY(user_id) REFERENCES saml_wsgi_users (id) ON DELETE CASCADE
);
INSERT INTO "saml_wsgi_groups" VALUES('cd16afaf0e9c47acb34a07dd83eb213a','Analysts','analysts');
INSERT INTO "saml_wsgi_groups" VALUES('cd16afaf0e9c47acb34a07dd83eb213a','Büro Köln','büro köln');
INSERT INTO "saml_wsgi_groups" VALUES('cd16afaf0e9c47acb34a07dd83eb213a','staff','staff');
INSERT INTO "saml_wsgi_groups" VALUES('4c1a2192808240339c1ce95040e296be','Staff','staff');
CREATE TABLE saml_wsgi_links (
	idp VARCHAR(1024) NOT NULL, 
	subject VARCHAR(1536) NOT NULL, 
	user_id VARCHAR(256) NOT NULL, 
	created BIGINT NOT NULL, 
	PRIMARY KEY (idp, subject), 
	CONSTRAINT saml_wsgi_links_one_subject UNIQUE (idp, user_id)
);
INSERT INTO "saml_wsgi_links" VALUES('jumpcloud','NameID:s-1','cd16afaf0e9c47acb34a07dd83eb213a',1800000000);
INSERT INTO "saml_wsgi_links" VALUES('jumpcloud','attr:employee:7','4c1a2192808240339c1ce95040e296be',1800000000);
CREATE TABLE saml_wsgi_schema (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "saml_wsgi_schema" VALUES(2);
CREATE TABLE saml_wsgi_state (
	"key" VARCHAR(200) NOT NULL, 
	value BLOB NOT NULL, 
	expires BIGINT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "saml_wsgi_state" VALUES('session:1',X'00FF76616C7565',2700000000000);
CREATE TABLE saml_wsgi_tags (
	tag VARCHAR(200) NOT NULL, 
	"key" VARCHAR(200) NOT NULL, 
	PRIMARY KEY (tag, "key"), 
	FOREIGN KEY("key") REFERENCES saml_wsgi_state ("key") ON DELETE CASCADE
)
 WITHOUT ROWID

;
INSERT INTO "saml_wsgi_tags" VALUES('user:ada','session:1');
CREATE TABLE saml_wsgi_users (
	id VARCHAR(64) NOT NULL, 
	username VARCHAR(1024) NOT NULL, 
	username_key VARCHAR(2048) NOT NULL, 
	email VARCHAR(1024) NOT NULL, 
	email_key VARCHAR(2048) NOT NULL, 
	first_name VARCHAR(1024) NOT NULL, 
	last_name VARCHAR(1024) NOT NULL, 
	display_name VARCHAR(2048) NOT NULL, 
	employee_id VARCHAR(1024) DEFAULT '' NOT NULL, 
	active BOOLEAN NOT NULL, 
	managed_by VARCHAR(2048) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	seen BIGINT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (username_key)
);
INSERT INTO "saml_wsgi_users" VALUES('cd16afaf0e9c47acb34a07dd83eb213a','Ada','ada','Ada@Example.com','ada@example.com','Ada','Lovelace','Ada Lovelace','17',1,'jit:jumpcloud',1800000000,1800000000,1800000500);
INSERT INTO "saml_wsgi_users" VALUES('4c1a2192808240339c1ce95040e296be','grace','grace','','','','','','',0,'local',1800000000,1800000000,0);
CREATE INDEX ix_saml_wsgi_state_expires ON saml_wsgi_state (expires);
CREATE INDEX ix_saml_wsgi_users_employee_id ON saml_wsgi_users (employee_id);
CREATE INDEX ix_saml_wsgi_users_email_key ON saml_wsgi_users (email_key);
CREATE INDEX ix_saml_wsgi_links_user_id ON saml_wsgi_links (user_id);
CREATE INDEX ix_saml_wsgi_tags_key ON saml_wsgi_tags ("key");
CREATE INDEX ix_saml_wsgi_groups_name_key ON saml_wsgi_groups (name_key);
CREATE INDEX ix_saml_wsgi_companion_groups_name_key ON saml_wsgi_companion_groups (name_key);
COMMIT;
