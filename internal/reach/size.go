package reach

import "github.com/bulkhead-sec/bulkhead/internal/policy"

// Size tells how big a model is, for those who measure it.
type Size struct {
	Classes  int    // of pods that policies bind
	Hosts    int    // of host-network pods and nodes
	Atoms    int    // pieces of the line of addresses
	Profiles [2]int // by direction, over all layers
	Runs     int    // of all rows made so far; Warm makes all
	Wide     int    // sets that rows refer to instead of holding them
}

// Size counts. It takes one look at every row.
func (m *Model) Size() Size {
	s := Size{Classes: m.hosts, Hosts: m.atoms - m.hosts, Atoms: len(m.points) - m.atoms, Wide: m.wide}
	seen := map[*row]bool{}
	for _, l := range policy.Layers {
		for _, d := range policy.Directions {
			s.Profiles[d] += len(m.profiles[l][d])
			for _, p := range m.profiles[l][d] {
				for _, t := range p.tiers {
					for _, r := range t.rows {
						if r != nil && !seen[r] {
							seen[r] = true
							s.Runs += len(r.starts)
						}
					}
				}
			}
		}
	}
	return s
}
