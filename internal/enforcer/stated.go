package enforcer

import "github.com/bulkhead-sec/bulkhead/internal/cluster"

// Stated is the profile of an engine that somebody named, for a cluster. Where its objects are in the input, they say
// more than the name: its fine points are read as Detect does, and what switches it off leaves open whether it
// enforces. Which of several engines it is the statement settles; that it is one of which nothing is in the input where
// another one enforces is open, unless instead says that this is what is asked. Because is what was seen, and empty
// where the objects neither support nor contradict the statement.
func Stated(name string, c *cluster.Cluster, instead bool) (Profile, error) {
	p, err := Named(name)
	if err != nil {
		return p, err
	}
	p.Mesh = MeshOf(c)
	if name == "none" || name == "unknown" {
		return p, nil
	}
	d := look(c, name)
	if own := d.engines[name]; own != nil {
		q := *own
		q.Stated, q.Mesh = true, p.Mesh
		if q.Enforces != Yes {
			q.Enforces = Unknown
		}
		d.uncovered(&q)
		q.Because = d.evidence()
		return q, nil
	}
	if (name == "cilium" || name == "gke") && d.ciliumAlone(&p) {
		if p.Enforces != Yes {
			p.Enforces = Unknown
		}
		p.Because = d.evidence()
	}
	d.uncovered(&p)
	if p.Enforces == Yes && (instead || !d.contradicted(name)) {
		return p, nil
	}
	p.Enforces, p.Because = Unknown, d.evidence()
	return p, nil
}

// contradicted tells whether engines are here that leave no room for the named one, of which nothing is here. "kube"
// are the words of the API, whichever engine follows them, as long as one does.
func (d *detector) contradicted(name string) bool {
	on, off := 0, 0
	for other, p := range d.engines {
		switch {
		case p.Enforces != No:
			on++
		case !carrier(other):
			off++
		}
	}
	return off > 0 && on == 0 || on > 0 && name != "kube"
}
