"""Stage 3: SAML in, an Assertion out. A response goes through bindings, guard, engine, profile, replay."""
