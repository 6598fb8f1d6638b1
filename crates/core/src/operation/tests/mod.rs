//! What requests come to, and how an app is followed.

mod follow;
mod propose;
mod steps;
