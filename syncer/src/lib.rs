//! Carries out what the engine decides: watches in, API requests out.
