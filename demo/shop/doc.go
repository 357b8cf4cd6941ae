// Package shop makes a sample travel shop: the schema and the data of a shop
// in Sapporo with a hundred thousand customers.
//
// Every person in it is made up: family and given names are drawn from small
// tables of common ones, mail addresses are at example domains (RFC 2606, and
// example.jp as JPRS reserves it), and phone numbers begin 070-0, 080-0 and
// 090-0, which nobody has (mobile numbers have no zero in fourth place, says
// the numbering plan of the Ministry of Internal Affairs, which we know by
// hearsay only). It knows nothing of gates: it is what stands behind one.
package shop
