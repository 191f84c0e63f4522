package load

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// shop is n Deployments and n NetworkPolicies as YAML documents.
func shop(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-%d
  namespace: ns-%d
  labels:
    app.kubernetes.io/name: app-%d
    app.kubernetes.io/part-of: shop
spec:
  replicas: 3
  selector:
    matchLabels:
      app.kubernetes.io/name: app-%d
  template:
    metadata:
      labels:
        app.kubernetes.io/name: app-%d
        tier: "backend"
    spec:
      serviceAccountName: app
      containers:
        - name: main
          image: registry.example.com/shop/app:1.%d
          args: ["--port", "8080", "--verbose"]
          env:
            - name: MODE
              value: production
          ports:
            - containerPort: 8080
              name: http
              protocol: TCP
          resources:
            limits:
              cpu: 500m
              memory: 256Mi
---
# what may reach it
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: app-%d
  namespace: ns-%d
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: app-%d
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: ns-%d
          podSelector:
            matchLabels:
              tier: backend
      ports:
        - protocol: TCP
          port: 8080
  egress:
    - to:
        - ipBlock:
            cidr: 10.0.0.0/8
            except:
              - 10.1.0.0/16
`, i, i%50, i, i, i, i, i, i%50, i, (i+1)%50)
	}
	return b.Bytes()
}

func BenchmarkParseYAML(b *testing.B) {
	data := shop(1000)
	b.SetBytes(int64(len(data)))
	defer perCPU(b, len(data))()
	for b.Loop() {
		objects, problems, _ := Parse(data, "shop.yaml", Limits{})
		if len(objects) != 2000 || len(problems) != 0 {
			b.Fatal(len(objects), problems)
		}
	}
}

func BenchmarkParseJSON(b *testing.B) {
	objects, _, _ := Parse(shop(1000), "shop.yaml", Limits{})
	data := []byte(`{"apiVersion":"v1","kind":"List","items":[`)
	for i, o := range objects {
		if i > 0 {
			data = append(data, ',', '\n')
		}
		data = o.Root.AppendJSON(data)
	}
	data = append(data, "]}"...)
	b.SetBytes(int64(len(data)))
	defer perCPU(b, len(data))()
	for b.Loop() {
		var got []*object.Object
		if got, _, _ = Parse(data, "shop.json", Limits{}); len(got) != 2000 {
			b.Fatal(len(got))
		}
	}
}
