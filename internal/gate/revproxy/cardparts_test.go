package revproxy

import (
	"net/http"
	"strings"
	"testing"
)

// A card number in several fields is refused; other fields of digits are not.
func TestCardInParts(t *testing.T) {
	const form, json = "application/x-www-form-urlencoded", "application/json"
	part := func(name, value string) string {
		return "--b0\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	for _, c := range []struct {
		kind, body string
		card       bool
	}{
		{form, "name=a&card1=4111&card2=1111&card3=1111&card4=1111&x=1", true},
		{form, "card[0]=5555&card[1]=5555&card[2]=5555&card[3]=4444", true},
		{form, "no=3782&no=822463&no=10005", true},
		{form, "no1=%34111&no2=1111&no3=1111&no4=1111", true},
		{json, `{"pay":{"c1":"4111","c2":"1111","c3":"1111","c4":"1111"}}`, true},
		{"multipart/form-data; boundary=b0", part("c1", "4111") + part("c2", "1111") + part("c3", "1111") + part("c4", "1111") + "--b0--\r\n", true},
		{form, "card1=4111&card2=1111&card3=1111&card4=1111&card5=1227", true},
		{form, "a=1234&card1=4111&card2=1111&card3=1111&card4=1111&b1=5555&b2=5555&b3=5555&b4=4444", true},
		{form, "card1=4111&card2=1111&card3=1111&card4=1111&card5=5555&card6=5555&card7=5555&card8=4444", true},
		{form, "c1=4111&c2=1111&c3=1111&c4=1111&c5=1227&c6=5555&c7=5555&c8=5555&c9=4444&c10=1228", true},
		{form, "id=1001&id=4111&id=1111&id=1111&id=1111", false},
		{form, "id[]=4111&id[]=1111&id[]=1111&id[]=1111&id[]=1002", false},
		{form, "row[0]=4111&row[1]=1111&row[2]=1111&row[3]=1111&row[4]=1002", false},
		{form, "qty1=1002&qty2=4111&qty3=1111&qty4=1111&qty5=1111&qty6=1003&qty7=1004&qty8=1005", false},
		{json, `{"rooms":[1001,4111,1111,1111,1111,1002]}`, false},
		{form, "card1=4111&card2=1111&card3=1111&card4=1112", false},
		{form, "tel2=4111&tel3=1111&year=1111&day=1111", false},
		{form, "a1=2026&a2=2027&a3=2028&a4=2029", false},
		{form, "card1=4111&card2=1111&card3=1111&card4=11111", false},
	} {
		w := newWorld(t, nil, func(c *Config) { c.Hosts[0].Firewall = Off })
		status, body, err := w.post(t, c.kind, c.body)
		if err != nil || (status == http.StatusForbidden && strings.Contains(body, "SK3402")) != c.card || c.card == (len(w.bodies()) > 0) {
			t.Errorf("%s %q: %d, %v, want a card number: %v", c.kind, c.body, status, err, c.card)
		}
	}
}
