create database shop; use shop;
create table article (id int primary key, name varchar(100), photo blob);
insert into article values (1,'it''s; (a), (b)',0x00ff27),(2,'back\\slash\'',null),(3,'-- not a comment\n/* nor this */',x'1a');
create table `odd ``one` (a int);
create table nothing_in_it (a int);
insert into `odd ``one` values (1),(2);
create view cheap as select id from article where name <> ';';
delimiter //
create trigger t before insert on article for each row begin insert into `odd ``one` values (3); set new.name = concat(new.name, ';'); end//
create procedure p() begin insert into article values (9,'x',null); end//
delimiter ;
