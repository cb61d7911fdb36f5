--
-- PostgreSQL database cluster dump
--

\restrict brpe9Fo66HeW0RG5XcNAuwA7eQdCJjzz5c0dG241xl2gm7mKOVvFeAMsCkR3vQ4

SET default_transaction_read_only = off;

SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;

--
-- Roles
--

CREATE ROLE "Head Master";
ALTER ROLE "Head Master" WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS;
CREATE ROLE postgres;
ALTER ROLE postgres WITH SUPERUSER INHERIT CREATEROLE CREATEDB LOGIN REPLICATION BYPASSRLS;
CREATE ROLE teacher;
ALTER ROLE teacher WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;

--
-- User Configurations
--








\unrestrict brpe9Fo66HeW0RG5XcNAuwA7eQdCJjzz5c0dG241xl2gm7mKOVvFeAMsCkR3vQ4

--
-- PostgreSQL database cluster dump complete
--

