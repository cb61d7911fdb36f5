CREATE TABLE visit (id serial PRIMARY KEY, path text NOT NULL, seconds integer NOT NULL);
INSERT INTO visit (path, seconds) SELECT '/items/' || n % 6 + 1, n * 7 % 60 FROM generate_series(1, 200) n;
