//! Fixtures and fault builders of the scenarios.
