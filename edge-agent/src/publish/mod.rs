//! The MQTT link: a pure session driven by bytes and time, and the loop that gives it a socket.
