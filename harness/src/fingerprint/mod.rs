<<<<<<< HEAD
//! Fingerprints: the integrity state of a database and of a media store, read from the store
//! itself. Problems found in the data are values; an error means that a store was not read.

pub mod media;
=======
//! Fingerprints: what a store holds at one instant, as values that can be kept and compared.
//! Reading only; what two fingerprints say about each other is `compare`'s to judge.

pub mod database;
>>>>>>> 80a66eb ([harness] digest every row of a database under one exported snapshot)
