//! Compose projects of which nobody has written anything down: drilled as they are, and refused or
//! left open with the exact reason.

mod faults;
mod outgoing;
mod passed;
mod refused;
