package shop

import "time"

// Today is the day on which the shop's data ends.
var Today = time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC)

// Tour is what the shop sells. It is about nobody.
type Tour struct {
	ID          int
	Name        string
	Destination string
	Nights      int
	Abroad      bool
	Price       int // yen a person
}

// Customer is one person.
type Customer struct {
	ID         int64
	Name       string // family and given name, U+3000 between them
	Kana       string
	PostalCode string
	Prefecture string
	Address    string
	Phone      string // shared within a household
	Email      string // nobody else's
	Birth      time.Time
	Sex        string
	Registered time.Time
	romaji     string // FAMILY GIVEN, for the passport
}

// Booking is one journey of a customer, who may take others along.
type Booking struct {
	ID       int64
	Customer int64
	Tour     int
	Booked   time.Time
	Departs  time.Time
	People   int
	Status   string // confirmed, cancelled
}

// Passport belongs to one customer.
type Passport struct {
	Customer int64
	Number   string // two letters, seven digits
	Romaji   string
	Issued   time.Time
	Expires  time.Time
}

// Note is what an operator wrote down after a call.
type Note struct {
	ID       int64
	Customer int64
	On       time.Time
	Operator string
	Body     string
}

// Payment is what the payment provider confirmed. Token is the provider's
// name of the payment.
type Payment struct {
	ID       int64
	Customer int64
	Booking  int64
	On       time.Time
	Amount   int
	Token    string
}

// Data is everything in the shop. Slices are in order of their keys.
type Data struct {
	Tours     []Tour
	Customers []Customer
	Bookings  []Booking
	Passports []Passport
	Notes     []Note
	Payments  []Payment
}

// Generate makes the data: the same for the same arguments, always.
func Generate(seed uint64, customers int) *Data {
	g := newGenerator(seed, customers)
	d := &Data{Tours: g.names.tours, Customers: make([]Customer, 0, customers)}
	for range customers {
		d.Customers = append(d.Customers, g.customer())
	}
	for i := range d.Customers {
		g.history(d, &d.Customers[i])
	}
	return d
}
