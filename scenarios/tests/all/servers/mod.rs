//! Single containers: scratch servers of PostgreSQL and of MariaDB, a site, and the backend's image on its own.

mod audit;
mod cases;
mod certificate;
mod fingerprint;
mod foreign;
mod mariadb;
mod stacks;
mod start_up;
