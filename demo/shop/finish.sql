CREATE INDEX bookings_customer ON bookings (customer_id);
CREATE INDEX operator_notes_customer ON operator_notes (customer_id);
CREATE INDEX payments_customer ON payments (customer_id);

-- What the guides take along: kept outside the tables it was made from.
CREATE MATERIALIZED VIEW departure_list AS
    SELECT b.id AS booking_id, b.customer_id, c.name, c.phone, p.number AS passport_number, b.departs_on
    FROM bookings b
    JOIN customers c ON c.id = b.customer_id
    JOIN passports p ON p.customer_id = b.customer_id
    WHERE b.departs_on >= DATE '2026-10-01' AND b.status = 'confirmed';
CREATE UNIQUE INDEX departure_list_booking ON departure_list (booking_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO shop_app;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO sekisho_scan;
GRANT pg_read_all_stats TO sekisho_scan;
ANALYZE;
