CREATE ROLE teacher;
CREATE ROLE "Head Master" LOGIN;
CREATE DATABASE grades;
\connect grades
CREATE EXTENSION pg_trgm;
CREATE TABLE pupil (id int PRIMARY KEY, name text NOT NULL, note text);
INSERT INTO pupil SELECT i, 'Zoé ' || i, E'line\n\\.\n\tINSERT INTO pupil VALUES (1);' || i FROM generate_series(1, 40) i;
CREATE TABLE mark (pupil int REFERENCES pupil, at date, points numeric) PARTITION BY RANGE (at);
CREATE TABLE mark_2024 PARTITION OF mark FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
INSERT INTO mark SELECT i, '2024-05-01'::date + i, i / 2.0 FROM generate_series(1, 30) i;
CREATE TABLE empty_one (a int);
CREATE SCHEMA "Odd";
CREATE TABLE "Odd"."a ""b" (c text);
INSERT INTO "Odd"."a ""b" VALUES ('x');
CREATE FUNCTION noise() RETURNS void LANGUAGE plpgsql AS $fn$
BEGIN
  -- COPY public.nothing (a) FROM stdin;
  INSERT INTO pupil VALUES (1000, 'it''s', $q$ ; $q$);
  CREATE TABLE IF NOT EXISTS ghost (a int);
END $fn$;
CREATE FUNCTION atomic(a int) RETURNS void LANGUAGE sql BEGIN ATOMIC
  INSERT INTO empty_one VALUES (a);
  INSERT INTO empty_one VALUES (CASE WHEN a > 0 THEN 1 ELSE 2 END);
END;
CREATE VIEW best AS SELECT * FROM pupil WHERE name = ';';
ALTER TABLE pupil OWNER TO teacher;
GRANT SELECT ON pupil TO "Head Master", PUBLIC;
SELECT lo_from_bytea(4242, 'large object');
