CREATE TABLE saml_wsgi_links (
	idp VARCHAR(1024) NOT NULL, 
	subject VARCHAR(1536) NOT NULL, 
	user_id VARCHAR(256) NOT NULL, 
	created BIGINT NOT NULL, 
	PRIMARY KEY (idp, subject), 
	CONSTRAINT saml_wsgi_links_one_subject UNIQUE (idp, user_id)
);
CREATE TABLE saml_wsgi_schema (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
CREATE TABLE saml_wsgi_state (
	key VARCHAR(200) NOT NULL, 
	value BYTEA NOT NULL, 
	expires BIGINT NOT NULL, 
	PRIMARY KEY (key)
);
CREATE INDEX ix_saml_wsgi_state_expires ON saml_wsgi_state (expires);
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
CREATE INDEX ix_saml_wsgi_users_email_key ON saml_wsgi_users (email_key);
CREATE TABLE saml_wsgi_groups (
	user_id VARCHAR(64) NOT NULL, 
	name VARCHAR(1024) NOT NULL, 
	PRIMARY KEY (user_id, name), 
	FOREIGN KEY(user_id) REFERENCES saml_wsgi_users (id) ON DELETE CASCADE
);
CREATE TABLE saml_wsgi_tags (
	tag VARCHAR(200) NOT NULL, 
	key VARCHAR(200) NOT NULL, 
	PRIMARY KEY (tag, key), 
	FOREIGN KEY(key) REFERENCES saml_wsgi_state (key) ON DELETE CASCADE
);
CREATE INDEX ix_saml_wsgi_tags_key ON saml_wsgi_tags (key);
