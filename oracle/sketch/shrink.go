package sketch

import "slices"

// Shrink takes away whatever can go while still holds, so that what is left can be read. still must be true at
// the start; it sees d with parts missing.
func (d *Draw) Shrink(still func() bool) {
	for changed := true; changed; {
		changed = false
		for i := range d.Objects {
			if d.Objects[i] == nil {
				continue
			}
			old := d.Objects[i]
			if d.Objects[i] = nil; still() {
				changed = true
				continue
			}
			d.Objects[i] = old
			for _, key := range sortedKeys(old) {
				if key != "apiVersion" && key != "kind" && key != "metadata" {
					changed = shrink(old[key], func(v any) { old[key] = v }, still) || changed
				}
			}
			if meta, ok := old["metadata"].(Object); ok {
				if labels, ok := meta["labels"].(Object); ok {
					changed = shrink(labels, func(v any) { meta["labels"] = v }, still) || changed
				}
			}
		}
	}
}

// shrink takes parts out of a tree whose place set writes to.
func shrink(v any, set func(any), still func() bool) bool {
	changed := false
	switch v := v.(type) {
	case Object:
		for _, key := range sortedKeys(v) {
			old := v[key]
			if delete(v, key); still() {
				changed = true
				continue
			}
			v[key] = old
			changed = shrink(old, func(n any) { v[key] = n }, still) || changed
		}
	case []any:
		list := v
		for i := 0; i < len(list); {
			shorter := slices.Delete(slices.Clone(list), i, i+1)
			if set(shorter); still() {
				list, changed = shorter, true
				continue
			}
			set(list)
			i++
		}
		for i := range list {
			changed = shrink(list[i], func(n any) { list[i] = n }, still) || changed
		}
	}
	return changed
}

func sortedKeys(o Object) []string {
	var keys []string
	for k := range o {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
