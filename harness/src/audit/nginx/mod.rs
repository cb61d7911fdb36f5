//! nginx's configuration as it runs (`nginx -T`): parsed, with the file and the line of every
//! directive, and what of it is in force where a request ends up.

mod parse;
mod route;

pub use parse::{Directive, Tree, dump};
pub use route::{Destination, HeaderLine};
