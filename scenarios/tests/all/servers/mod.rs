//! Single containers: scratch servers of PostgreSQL, a site, and the backend's image on its own.

mod audit;
mod cases;
mod certificate;
mod fingerprint;
mod foreign;
mod stacks;
mod start_up;
