//! A sealed copy of the reference stack that stays up while it is harmed and looked at.

mod audit_document;
mod audit_patch;
mod backend;
mod browser;
mod django_audit;
mod hardening;
mod patches;
mod physical;
mod rollback;
mod runbook;
mod smoke;
