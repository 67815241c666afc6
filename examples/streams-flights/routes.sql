-- A table with what makes capture difficult: a reserved word, two BIT columns, latin1, a key of two columns.
CREATE TABLE routes (
    airline CHAR(2) NOT NULL,
    flight SMALLINT UNSIGNED NOT NULL,
    origin CHAR(3) NOT NULL,
    destination CHAR(3) NOT NULL,
    `group` VARCHAR(20),
    newRoute BIT(1) NOT NULL DEFAULT b'1',
    days BIT(7),
    fare DECIMAL(10,2),
    PRIMARY KEY (airline, flight)
) CHARACTER SET latin1;
