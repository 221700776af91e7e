"""People who are kept in an LDAP directory. The only package that imports ldap3."""
