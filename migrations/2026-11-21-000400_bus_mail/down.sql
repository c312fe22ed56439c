DROP TABLE bus.mail;
