//! Filled in the next commit.
#![no_std]
