-- The travel shop. Cards are typed at the payment provider (link type): the
-- shop keeps the provider's token and never a card number.

CREATE TABLE tours (
    id          integer PRIMARY KEY,
    name        text NOT NULL,
    destination text NOT NULL,
    nights      integer NOT NULL,
    abroad      boolean NOT NULL,
    price       integer NOT NULL          -- yen a person
);

CREATE TABLE customers (
    id            bigint PRIMARY KEY,
    name          text NOT NULL,
    kana          text NOT NULL,
    postal_code   text NOT NULL,
    prefecture    text NOT NULL,
    address       text NOT NULL,
    phone         text NOT NULL,
    email         text NOT NULL UNIQUE,
    birth_date    date NOT NULL,
    sex           text NOT NULL,
    registered_on date NOT NULL
);

CREATE TABLE bookings (
    id          bigint PRIMARY KEY,
    customer_id bigint NOT NULL,
    tour_id     integer NOT NULL REFERENCES tours,
    booked_on   date NOT NULL,
    departs_on  date NOT NULL,
    people      integer NOT NULL,
    status      text NOT NULL
);

CREATE TABLE passports (
    customer_id bigint PRIMARY KEY,
    number      text NOT NULL UNIQUE,
    romaji      text NOT NULL,
    issued_on   date NOT NULL,
    expires_on  date NOT NULL
);

CREATE TABLE operator_notes (
    id          bigint PRIMARY KEY,
    customer_id bigint NOT NULL,
    noted_on    date NOT NULL,
    operator    text NOT NULL,
    body        text NOT NULL
);

CREATE TABLE payments (
    id             bigint PRIMARY KEY,
    customer_id    bigint NOT NULL,
    booking_id     bigint NOT NULL,
    paid_on        date NOT NULL,
    amount         integer NOT NULL,
    provider_token text NOT NULL
);

CREATE VIEW customer_contact AS
    SELECT id, name, kana, email, phone FROM customers;

CREATE VIEW traveller AS
    SELECT b.id AS booking_id, b.customer_id, c.name, c.phone, t.name AS tour, b.departs_on, b.people
    FROM bookings b
    JOIN customers c ON c.id = b.customer_id
    JOIN tours t ON t.id = b.tour_id;
