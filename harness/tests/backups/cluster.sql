--
-- PostgreSQL database cluster dump
--

\restrict YcGC1mdRGc7Vtn7iZnZgoF20XXXRFCzbtTpfsec3WTgdGO6bphDTvdesC9bzktW

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








\unrestrict YcGC1mdRGc7Vtn7iZnZgoF20XXXRFCzbtTpfsec3WTgdGO6bphDTvdesC9bzktW

--
-- Databases
--

--
-- Database "template1" dump
--

\connect template1

--
-- PostgreSQL database dump
--

\restrict M5c298eeZfmN0lHQquRSpyJQlN37AF3RqhNWGVr0PZue81Wd9TZkDSc2wKjS2gG

-- Dumped from database version 15.20 (Debian 15.20-0+deb12u1)
-- Dumped by pg_dump version 15.20 (Debian 15.20-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- PostgreSQL database dump complete
--

\unrestrict M5c298eeZfmN0lHQquRSpyJQlN37AF3RqhNWGVr0PZue81Wd9TZkDSc2wKjS2gG

--
-- Database "grades" dump
--

--
-- PostgreSQL database dump
--

\restrict l3aiSK1cIODcxFTT0Hs1zuRBdeJhsELmRQwo2Rmj48COE4Pm3R2dxcJccooXXSj

-- Dumped from database version 15.20 (Debian 15.20-0+deb12u1)
-- Dumped by pg_dump version 15.20 (Debian 15.20-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: grades; Type: DATABASE; Schema: -; Owner: postgres
--

CREATE DATABASE grades WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';


ALTER DATABASE grades OWNER TO postgres;

\unrestrict l3aiSK1cIODcxFTT0Hs1zuRBdeJhsELmRQwo2Rmj48COE4Pm3R2dxcJccooXXSj
\connect grades
\restrict l3aiSK1cIODcxFTT0Hs1zuRBdeJhsELmRQwo2Rmj48COE4Pm3R2dxcJccooXXSj

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: Odd; Type: SCHEMA; Schema: -; Owner: postgres
--

CREATE SCHEMA "Odd";


ALTER SCHEMA "Odd" OWNER TO postgres;

--
-- Name: pg_trgm; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;


--
-- Name: EXTENSION pg_trgm; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: empty_one; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.empty_one (
    a integer
);


ALTER TABLE public.empty_one OWNER TO postgres;

--
-- Name: atomic(integer); Type: FUNCTION; Schema: public; Owner: postgres
--

CREATE FUNCTION public.atomic(a integer) RETURNS void
    LANGUAGE sql
    BEGIN ATOMIC
 INSERT INTO public.empty_one (a)
   VALUES (atomic.a);
 INSERT INTO public.empty_one (a)
   VALUES (
         CASE
             WHEN (atomic.a > 0) THEN 1
             ELSE 2
         END);
END;


ALTER FUNCTION public.atomic(a integer) OWNER TO postgres;

--
-- Name: noise(); Type: FUNCTION; Schema: public; Owner: postgres
--

CREATE FUNCTION public.noise() RETURNS void
    LANGUAGE plpgsql
    AS $_$
BEGIN
  -- COPY public.nothing (a) FROM stdin;
  INSERT INTO pupil VALUES (1000, 'it''s', $q$ ; $q$);
  CREATE TABLE IF NOT EXISTS ghost (a int);
END $_$;


ALTER FUNCTION public.noise() OWNER TO postgres;

--
-- Name: a "b; Type: TABLE; Schema: Odd; Owner: postgres
--

CREATE TABLE "Odd"."a ""b" (
    c text
);


ALTER TABLE "Odd"."a ""b" OWNER TO postgres;

--
-- Name: pupil; Type: TABLE; Schema: public; Owner: teacher
--

CREATE TABLE public.pupil (
    id integer NOT NULL,
    name text NOT NULL,
    note text
);


ALTER TABLE public.pupil OWNER TO teacher;

--
-- Name: best; Type: VIEW; Schema: public; Owner: postgres
--

CREATE VIEW public.best AS
 SELECT pupil.id,
    pupil.name,
    pupil.note
   FROM public.pupil
  WHERE (pupil.name = ';'::text);


ALTER TABLE public.best OWNER TO postgres;

--
-- Name: mark; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.mark (
    pupil integer,
    at date,
    points numeric
)
PARTITION BY RANGE (at);


ALTER TABLE public.mark OWNER TO postgres;

--
-- Name: mark_2024; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.mark_2024 (
    pupil integer,
    at date,
    points numeric
);


ALTER TABLE public.mark_2024 OWNER TO postgres;

--
-- Name: mark_2024; Type: TABLE ATTACH; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.mark ATTACH PARTITION public.mark_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');


--
-- Name: 4242; Type: BLOB; Schema: -; Owner: postgres
--

SELECT pg_catalog.lo_create('4242');


ALTER LARGE OBJECT 4242 OWNER TO postgres;

--
-- Data for Name: a "b; Type: TABLE DATA; Schema: Odd; Owner: postgres
--

COPY "Odd"."a ""b" (c) FROM stdin;
x
\.


--
-- Data for Name: empty_one; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.empty_one (a) FROM stdin;
\.


--
-- Data for Name: mark_2024; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.mark_2024 (pupil, at, points) FROM stdin;
1	2024-05-02	0.50000000000000000000
2	2024-05-03	1.00000000000000000000
3	2024-05-04	1.5000000000000000
4	2024-05-05	2.0000000000000000
5	2024-05-06	2.5000000000000000
6	2024-05-07	3.0000000000000000
7	2024-05-08	3.5000000000000000
8	2024-05-09	4.0000000000000000
9	2024-05-10	4.5000000000000000
10	2024-05-11	5.0000000000000000
11	2024-05-12	5.5000000000000000
12	2024-05-13	6.0000000000000000
13	2024-05-14	6.5000000000000000
14	2024-05-15	7.0000000000000000
15	2024-05-16	7.5000000000000000
16	2024-05-17	8.0000000000000000
17	2024-05-18	8.5000000000000000
18	2024-05-19	9.0000000000000000
19	2024-05-20	9.5000000000000000
20	2024-05-21	10.0000000000000000
21	2024-05-22	10.5000000000000000
22	2024-05-23	11.0000000000000000
23	2024-05-24	11.5000000000000000
24	2024-05-25	12.0000000000000000
25	2024-05-26	12.5000000000000000
26	2024-05-27	13.0000000000000000
27	2024-05-28	13.5000000000000000
28	2024-05-29	14.0000000000000000
29	2024-05-30	14.5000000000000000
30	2024-05-31	15.0000000000000000
\.


--
-- Data for Name: pupil; Type: TABLE DATA; Schema: public; Owner: teacher
--

COPY public.pupil (id, name, note) FROM stdin;
1	Zoé 1	line\n\\.\n\tINSERT INTO pupil VALUES (1);1
2	Zoé 2	line\n\\.\n\tINSERT INTO pupil VALUES (1);2
3	Zoé 3	line\n\\.\n\tINSERT INTO pupil VALUES (1);3
4	Zoé 4	line\n\\.\n\tINSERT INTO pupil VALUES (1);4
5	Zoé 5	line\n\\.\n\tINSERT INTO pupil VALUES (1);5
6	Zoé 6	line\n\\.\n\tINSERT INTO pupil VALUES (1);6
7	Zoé 7	line\n\\.\n\tINSERT INTO pupil VALUES (1);7
8	Zoé 8	line\n\\.\n\tINSERT INTO pupil VALUES (1);8
9	Zoé 9	line\n\\.\n\tINSERT INTO pupil VALUES (1);9
10	Zoé 10	line\n\\.\n\tINSERT INTO pupil VALUES (1);10
11	Zoé 11	line\n\\.\n\tINSERT INTO pupil VALUES (1);11
12	Zoé 12	line\n\\.\n\tINSERT INTO pupil VALUES (1);12
13	Zoé 13	line\n\\.\n\tINSERT INTO pupil VALUES (1);13
14	Zoé 14	line\n\\.\n\tINSERT INTO pupil VALUES (1);14
15	Zoé 15	line\n\\.\n\tINSERT INTO pupil VALUES (1);15
16	Zoé 16	line\n\\.\n\tINSERT INTO pupil VALUES (1);16
17	Zoé 17	line\n\\.\n\tINSERT INTO pupil VALUES (1);17
18	Zoé 18	line\n\\.\n\tINSERT INTO pupil VALUES (1);18
19	Zoé 19	line\n\\.\n\tINSERT INTO pupil VALUES (1);19
20	Zoé 20	line\n\\.\n\tINSERT INTO pupil VALUES (1);20
21	Zoé 21	line\n\\.\n\tINSERT INTO pupil VALUES (1);21
22	Zoé 22	line\n\\.\n\tINSERT INTO pupil VALUES (1);22
23	Zoé 23	line\n\\.\n\tINSERT INTO pupil VALUES (1);23
24	Zoé 24	line\n\\.\n\tINSERT INTO pupil VALUES (1);24
25	Zoé 25	line\n\\.\n\tINSERT INTO pupil VALUES (1);25
26	Zoé 26	line\n\\.\n\tINSERT INTO pupil VALUES (1);26
27	Zoé 27	line\n\\.\n\tINSERT INTO pupil VALUES (1);27
28	Zoé 28	line\n\\.\n\tINSERT INTO pupil VALUES (1);28
29	Zoé 29	line\n\\.\n\tINSERT INTO pupil VALUES (1);29
30	Zoé 30	line\n\\.\n\tINSERT INTO pupil VALUES (1);30
31	Zoé 31	line\n\\.\n\tINSERT INTO pupil VALUES (1);31
32	Zoé 32	line\n\\.\n\tINSERT INTO pupil VALUES (1);32
33	Zoé 33	line\n\\.\n\tINSERT INTO pupil VALUES (1);33
34	Zoé 34	line\n\\.\n\tINSERT INTO pupil VALUES (1);34
35	Zoé 35	line\n\\.\n\tINSERT INTO pupil VALUES (1);35
36	Zoé 36	line\n\\.\n\tINSERT INTO pupil VALUES (1);36
37	Zoé 37	line\n\\.\n\tINSERT INTO pupil VALUES (1);37
38	Zoé 38	line\n\\.\n\tINSERT INTO pupil VALUES (1);38
39	Zoé 39	line\n\\.\n\tINSERT INTO pupil VALUES (1);39
40	Zoé 40	line\n\\.\n\tINSERT INTO pupil VALUES (1);40
\.


--
-- Data for Name: BLOBS; Type: BLOBS; Schema: -; Owner: -
--

BEGIN;

SELECT pg_catalog.lo_open('4242', 131072);
SELECT pg_catalog.lowrite(0, '\x6c61726765206f626a656374');
SELECT pg_catalog.lo_close(0);

COMMIT;

--
-- Name: pupil pupil_pkey; Type: CONSTRAINT; Schema: public; Owner: teacher
--

ALTER TABLE ONLY public.pupil
    ADD CONSTRAINT pupil_pkey PRIMARY KEY (id);


--
-- Name: mark mark_pupil_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE public.mark
    ADD CONSTRAINT mark_pupil_fkey FOREIGN KEY (pupil) REFERENCES public.pupil(id);


--
-- Name: TABLE pupil; Type: ACL; Schema: public; Owner: teacher
--

GRANT SELECT ON TABLE public.pupil TO "Head Master";
GRANT SELECT ON TABLE public.pupil TO PUBLIC;


--
-- PostgreSQL database dump complete
--

\unrestrict l3aiSK1cIODcxFTT0Hs1zuRBdeJhsELmRQwo2Rmj48COE4Pm3R2dxcJccooXXSj

--
-- Database "postgres" dump
--

\connect postgres

--
-- PostgreSQL database dump
--

\restrict fxhFrCcawXWng8wbO8sFSfZ2kezXRxn4wSeOZhNAFeINVH19cbhromMTbR8WDBM

-- Dumped from database version 15.20 (Debian 15.20-0+deb12u1)
-- Dumped by pg_dump version 15.20 (Debian 15.20-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- PostgreSQL database dump complete
--

\unrestrict fxhFrCcawXWng8wbO8sFSfZ2kezXRxn4wSeOZhNAFeINVH19cbhromMTbR8WDBM

--
-- PostgreSQL database cluster dump complete
--

