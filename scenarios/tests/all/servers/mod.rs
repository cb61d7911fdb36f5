//! Single containers: scratch servers of PostgreSQL, and the backend's image on its own.

mod cases;
mod certificate;
mod fingerprint;
mod stacks;
mod start_up;
