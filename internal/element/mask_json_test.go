package element

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
)

func TestMaskJSON(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	masks := []Mask{0, 1, MaskOf(Name, Email), MaskOf(Kinds()...), 1 << 63, MaskOf(Payment) | 1<<40}
	for range 500 {
		masks = append(masks, Mask(rng.Uint64()&rng.Uint64()))
	}
	for _, m := range masks {
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var slow, fast Mask
		if err := json.Unmarshal(text, &slow); err != nil || slow != m {
			t.Errorf("%s: json gives %s, %v", text, slow, err)
		}
		if err := fast.UnmarshalNames(text); err != nil || fast != m {
			t.Errorf("%s: by hand gives %s, %v", text, fast, err)
		}
	}
	if got, _ := json.Marshal(MaskOf(Email, Name, CardPAN) | 1<<60); string(got) != `["name","email","card.pan","element(60)"]` {
		t.Errorf("got %s", got)
	}
}

func TestMaskNamesRefuses(t *testing.T) {
	for _, text := range []string{
		``, `[`, `]`, `["name"`, `"name"]`, `["name",]`, `[,"name"]`, `["email","name"]`, `["name","name"]`, `[ "name"]`, `["nobody"]`,
		`["element(64)"]`, `["element(1)"]`, `["element(040)"]`, `["element(-1)"]`, `["name" "email"]`, `[["name"]]`, `["name]`,
	} {
		var m Mask
		if err := m.UnmarshalNames([]byte(text)); err == nil {
			t.Errorf("%s was taken as %s", text, m)
		}
	}
	var m Mask
	if json.Unmarshal([]byte(`["nobody"]`), &m) == nil || json.Unmarshal([]byte(`7`), &m) == nil {
		t.Error("json took what it should not")
	}
}
