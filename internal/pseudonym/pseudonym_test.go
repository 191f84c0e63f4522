package pseudonym

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

var key = []byte("0123456789abcdef")

// tree makes a value of JSON.
func tree(t testing.TB, text string) *object.Value {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return value(v)
}

func value(v any) *object.Value {
	switch v := v.(type) {
	case map[string]any:
		out := &object.Value{Kind: object.Map}
		for k, x := range v {
			out.Fields = append(out.Fields, object.Field{Name: k, Value: value(x)})
		}
		return out
	case []any:
		out := &object.Value{Kind: object.List}
		for _, x := range v {
			out.Items = append(out.Items, value(x))
		}
		return out
	case string:
		return &object.Value{Kind: object.String, Text: v}
	case bool:
		return &object.Value{Kind: object.Bool, Text: map[bool]string{true: "true", false: "false"}[v]}
	case float64:
		return &object.Value{Kind: object.Number, Text: strconv.FormatFloat(v, 'f', -1, 64)}
	}
	return &object.Value{}
}

func learned(t testing.TB, texts ...string) (*Names, []*object.Object) {
	t.Helper()
	n, err := New(key)
	if err != nil {
		t.Fatal(err)
	}
	var out []*object.Object
	for _, text := range texts {
		o, err := object.New(tree(t, text), "shop/a.yaml")
		if err != nil {
			t.Fatal(err)
		}
		n.Learn(o)
		out = append(out, o)
	}
	return n, out
}

const (
	vault = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"card-vault","namespace":"cards","labels":{"app":"card-vault","tier":"web","pci":"cde","app.kubernetes.io/name":"vaulted"}},
		"spec":{"template":{"spec":{"serviceAccountName":"vault-account","containers":[{"name":"redis","image":"bank/card-vault:2","env":[{"name":"CARDS","value":"cards"}],
		"ports":[{"name":"acme","containerPort":80}],"args":["--to=db.cards.svc.cluster.local","10.0.0.1/8","fd00::db"]}]}}}}`
	db       = `{"apiVersion":"v1","kind":"Service","metadata":{"name":"db","namespace":"cards"},"spec":{"selector":{"app":"db-0"},"ports":[{"name":"db","port":5432,"protocol":"TCP"}]}}`
	dns      = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"coredns","namespace":"kube-system","labels":{"k8s-app":"kube-dns"}}}`
	ingress  = `{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":"front","namespace":"cards"},"spec":{"rules":[{"host":"pay.acme-bank.example"}],"tls":[{"hosts":["*.acme-bank.example"]}]}}`
	intended = `{"apiVersion":"bulkhead.dev/v1alpha1","kind":"Segmentation","metadata":{"name":"estate"},"spec":{"needs":[{"id":"F-1","from":"cards/card-vault","to":"10.1.0.0/16","owner":"Jo Doe","justification":"card-vault asks db"}]}}`
)

// TestText: names go wherever they stand; what means something by itself stays.
func TestText(t *testing.T) {
	n, _ := learned(t, vault, db, dns, ingress, intended)
	w := n.word
	for in, want := range map[string]string{
		"cards": w("cards"), "cards/card-vault": w("cards") + "/" + w("card-vault"), "db.cards.svc.cluster.local": w("db") + "." + w("cards") + ".svc.cluster.local",
		"pay.acme-bank.example": w("pay") + "." + w("acme-bank") + ".example", "*.acme-bank.example": "*." + w("acme-bank") + ".example",
		"spiffe://cluster.local/ns/cards/sa/vault-account": "spiffe://cluster.local/ns/" + w("cards") + "/sa/" + w("vault-account"),
		"card-vault-cards": "card-vault-cards", "discards": "discards", "vaulted": w("vaulted"), "db-0": w("db") + "-0", "-db": "-" + w("db"),
		"coredns": "coredns", "kube-system": "kube-system", "cde": "cde", "redis": "redis", "fd00::db": "fd00::db", "10.0.0.1/8": "10.0.0.1/8", "tcp/80": "tcp/80", "": "", "acme": "acme", "CARDS": "CARDS",
	} {
		if got := n.Text(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// TestObject: an object keeps its shape, its lines and all that is no name.
func TestObject(t *testing.T) {
	n, objects := learned(t, vault, db, dns, ingress, intended)
	got, err := n.Object(objects[0])
	if err != nil {
		t.Fatal(err)
	}
	if got.Ref.Name != n.word("card-vault") || got.Ref.Namespace != n.word("cards") || got.Pos.File != n.word("file shop/a.yaml")+".yaml" {
		t.Errorf("got %+v at %s", got.Ref, got.Pos)
	}
	text := string(got.Root.AppendJSON(nil))
	for _, leak := range []string{"card-vault", "cards", "vault-account", "bank/card"} {
		if strings.Contains(text, leak) {
			t.Errorf("%s is left: %s", leak, text)
		}
	}
	for _, kept := range []string{`"redis"`, `"acme"`, `"CARDS"`, `"cde"`, `"fd00::db"`, `"apps/v1"`, `"Deployment"`, `.svc.cluster.local"`} {
		if !strings.Contains(text, kept) {
			t.Errorf("%s is gone: %s", kept, text)
		}
	}
	if dns, err := n.Object(objects[2]); err != nil || cmp.Diff(objects[2].Root, dns.Root) != "" {
		t.Errorf("what stands in kube-system was changed: %v", err)
	}
	intent, err := n.Object(objects[4])
	if err != nil {
		t.Fatal(err)
	}
	need := intent.Root.Get("spec", "needs").List()[0]
	if need.Get("owner").Str() != n.word("person Jo Doe") || need.Get("to").Str() != "10.1.0.0/16" || need.Get("from").Str() != n.Text("cards/card-vault") {
		t.Errorf("got %s", intent.Root.AppendJSON(nil))
	}
}

// TestPairs: the list names everything that was replaced, and no more.
func TestPairs(t *testing.T) {
	n, _ := learned(t, vault, db)
	n.Keep("card-vault")
	n.Text("cards/card-vault")
	n.File("x/y.json")
	want := []Pair{{n.word("cards"), "cards", "name"}, {n.word("file x/y.json") + ".json", "x/y.json", "file"}}
	if want[0].Pseudonym > want[1].Pseudonym {
		want[0], want[1] = want[1], want[0]
	}
	got, err := n.Pairs()
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	n.words["other"] = n.word("cards")
	if _, err := n.Pairs(); err == nil {
		t.Error("two names with one pseudonym were taken")
	}
	if _, err := New([]byte("short")); err == nil {
		t.Error("a short key was taken")
	}
	if n.Said("in x/y.json cards") != "in "+n.word("file x/y.json")+".json "+n.word("cards") {
		t.Errorf("got %s", n.Said("in x/y.json cards"))
	}
}

// TestAnyText: with any text the same key gives the same, another key another, and what is no name of ours stays.
func TestAnyText(t *testing.T) {
	n, _ := learned(t, vault, db)
	m, _ := learned(t, vault, db)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`([a-zA-Z0-9./:\- é]|cards|card-vault){0,12}`).Draw(t, "s")
		got := n.Text(s)
		if got != m.Text(s) {
			t.Fatalf("%q became %q and %q", s, got, m.Text(s))
		}
		if !strings.Contains(s, "card") && !strings.Contains(s, "db") && !strings.Contains(s, "vault") && got != s {
			t.Fatalf("%q became %q", s, got)
		}
		if again := n.Text(got); again != got {
			t.Fatalf("%q became %q, and that %q", s, got, again)
		}
	})
}
