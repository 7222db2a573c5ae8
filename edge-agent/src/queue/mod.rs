//! The bounded queue between judging and publishing: most severe first, shedding counted, books that balance.
