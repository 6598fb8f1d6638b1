//! Requests, and how an app is followed.

mod consent;
mod follow;
mod grants;
mod needs;
mod propose;
mod rebuild;
mod steps;
