DROP TABLE bus.secret;
