// Package vendorpack writes what a firm sends to those who hold its customers'
// data for it: a letter that asks for what an investigation will need, and
// contract clauses for the same. Both come from one list of requirements
// (clauses.yaml), each with the published words it was read from. Japanese
// only: the letter goes to Japanese vendors.
//
// It sends nothing and is no legal advice: both texts say that a lawyer reads
// them first.
package vendorpack

import (
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

//go:embed clauses.yaml
var clauseFile []byte

// Item is one requirement with what is asked and what a contract says.
type Item struct {
	ID      string   `yaml:"id"`
	Title   string   `yaml:"title"`
	Quote   string   `yaml:"quote"`
	Law     string   `yaml:"law,omitempty"`
	Request string   `yaml:"request"`
	Clauses []string `yaml:"clauses"`
}

// Items returns the requirements in the order of the documents.
func Items() ([]Item, error) {
	var all []Item
	if err := yaml.NewDecoder(bytes.NewReader(clauseFile), yaml.Strict()).Decode(&all); err != nil {
		return nil, fmt.Errorf("clauses of the vendor pack: %w", err)
	}
	return all, nil
}

// Sender is who asks.
type Sender struct {
	Name, Address, Phone, Head string
}

// Letter and Clauses are the forms.
const (
	Letter  = "letter"
	Clauses = "clauses"
)

// answerWithin is how long the vendor gets to answer the letter.
const answerWithin = 14 * 24 * time.Hour

// unread closes both texts.
const unread = "(ひな形です。送付又は締結の前に、弁護士その他の専門家の確認を受けてください。)"

// Write writes one form, dated by today, as plain text.
func Write(w io.Writer, form string, from Sender, vendor string, today time.Time) error {
	all, err := Items()
	if err != nil {
		return err
	}
	var b strings.Builder
	if form == Letter {
		letter(&b, all, from, vendor, today)
	} else {
		clauses(&b, all, from, vendor)
	}
	b.WriteString("\n" + unread + "\n")
	_, err = io.WriteString(w, b.String())
	return err
}

func letter(b *strings.Builder, all []Item, from Sender, vendor string, today time.Time) {
	fmt.Fprintf(b, "%s\n\n%s 御中\n\n", day(today), vendor)
	for _, line := range []string{from.Address, from.Name, from.Head, from.Phone} {
		if line != "" {
			fmt.Fprintf(b, "        %s\n", line)
		}
	}
	fmt.Fprintf(b, "\n    個人データの取扱いに関する記録の提供等について(依頼)\n\n")
	fmt.Fprintf(b, "個人情報の保護に関する法律第25条に定める委託先の監督の一環として、貴社に取扱いを委託している個人データについて、万一のときに「誰の、どの項目が、いつ、どこへ出たか」を明らかにするため、下記の事項を%sまでに書面でご回答ください。対応できない事項は、その理由と対応の予定をお示しください。\n\n記\n\n", day(today.Add(answerWithin)))
	for i, x := range all {
		fmt.Fprintf(b, "%d  %s\n   ご回答いただきたいこと: %s\n   趣旨: 公表された報告の指摘(抜粋)「%s」を踏まえたものです(%s)。\n\n", i+1, x.Title, x.Request, x.Quote, x.ID)
	}
	b.WriteString("ご回答の後、別添の条項を契約に加える協議をお願いします。\n\n以上\n")
}

func clauses(b *strings.Builder, all []Item, from Sender, vendor string) {
	fmt.Fprintf(b, "個人データの取扱いに関する追加条項\n\n%s(以下「甲」という。)が%s(以下「乙」という。)に取扱いを委託する個人データ(以下「本件個人データ」という。)について、甲乙は次のとおり合意する。\n", from.Name, vendor)
	for i, x := range all {
		fmt.Fprintf(b, "\n第%d条(%s)\n", i+1, x.Title)
		for k, text := range x.Clauses {
			fmt.Fprintf(b, "  %d  %s\n", k+1, text)
		}
		note := x.ID
		if x.Law != "" {
			note += "、" + x.Law
		}
		fmt.Fprintf(b, "  [根拠: %s]\n", note)
	}
}

// day writes a date as letters here have it.
func day(t time.Time) string {
	return fmt.Sprintf("%d年%d月%d日", t.Year(), int(t.Month()), t.Day())
}
