BEGIN TRANSACTION;
CREATE TABLE saml_wsgi_groups (
	user_id VARCHAR(64) NOT NULL, 
	name VARCHAR(1024) NOT NULL, 
	PRIMARY KEY (user_id, name), 
	FOREIGN KEY(user_id) REFERENCES saml_wsgi_users (id) ON DELETE CASCADE
);
INSERT INTO "saml_wsgi_groups" VALUES('3ea5a25218d94dfb8ea48528b0acef66','Analysts');
INSERT INTO "saml_wsgi_groups" VALUES('3ea5a25218d94dfb8ea48528b0acef66','Büro Köln');
INSERT INTO "saml_wsgi_groups" VALUES('3ea5a25218d94dfb8ea48528b0acef66','staff');
INSERT INTO "saml_wsgi_groups" VALUES('2fb94c799c28408f9c77deb641c549ff','Staff');
CREATE TABLE saml_wsgi_links (
	idp VARCHAR(1024) NOT NULL, 
	subject VARCHAR(1536) NOT NULL, 
	user_id VARCHAR(256) NOT NULL, 
	created BIGINT NOT NULL, 
	PRIMARY KEY (idp, subject), 
	CONSTRAINT saml_wsgi_links_one_subject UNIQUE (idp, user_id)
);
INSERT INTO "saml_wsgi_links" VALUES('jumpcloud','NameID:s-1','3ea5a25218d94dfb8ea48528b0acef66',1700000000);
INSERT INTO "saml_wsgi_links" VALUES('jumpcloud','attr:employee:7','2fb94c799c28408f9c77deb641c549ff',1700000000);
CREATE TABLE saml_wsgi_schema (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "saml_wsgi_schema" VALUES(1);
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
	active BOOLEAN NOT NULL, 
	managed_by VARCHAR(2048) NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (username_key)
);
INSERT INTO "saml_wsgi_users" VALUES('3ea5a25218d94dfb8ea48528b0acef66','Ada','ada','Ada@Example.com','ada@example.com','Ada','Lovelace','Ada Lovelace',1,'jit:jumpcloud',1700000000,1700000000);
INSERT INTO "saml_wsgi_users" VALUES('2fb94c799c28408f9c77deb641c549ff','grace','grace','','','','','',0,'local',1700000000,1700000000);
CREATE INDEX ix_saml_wsgi_state_expires ON saml_wsgi_state (expires);
CREATE INDEX ix_saml_wsgi_users_email_key ON saml_wsgi_users (email_key);
CREATE INDEX ix_saml_wsgi_tags_key ON saml_wsgi_tags ("key");
COMMIT;
