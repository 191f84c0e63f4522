package enforcer

import (
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
)

// version is a release as image tags write it: v1.17.4.
type version struct{ major, minor, patch int }

func (v version) less(w version) bool {
	if v.major != w.major {
		return v.major < w.major
	}
	if v.minor != w.minor {
		return v.minor < w.minor
	}
	return v.patch < w.patch
}

// imageTag is the tag of the container's image, "" without one.
func imageTag(c cluster.Container) string {
	image, _, _ := strings.Cut(c.Image, "@")
	_, tag, _ := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
	return tag
}

// imageVersion reads the tag. What follows the three numbers is not looked at: a candidate for a release
// counts as the release.
func imageVersion(c cluster.Container) (version, bool) {
	parts := strings.SplitN(strings.TrimPrefix(imageTag(c), "v"), ".", 3)
	if len(parts) < 3 {
		return version{}, false
	}
	end := strings.IndexFunc(parts[2], func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(parts[2])
	}
	var v version
	for i, into := range []*int{&v.major, &v.minor, &v.patch} {
		text := parts[i]
		if i == 2 {
			text = text[:end]
		}
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return version{}, false
		}
		*into = int(n)
	}
	return v, true
}

// releases asks a question about the release of every pod of w whose container is found by is. Pods that
// differ, and a release that is not known, leave it open.
func releases(w *cluster.Workload, is func(cluster.Container) bool, ask func(version) Answer) Answer {
	answer := Unknown
	for i, p := range w.Pods {
		a := Unknown
		for _, c := range p.Containers {
			if !is(c) {
				continue
			}
			if v, ok := imageVersion(c); ok {
				a = ask(v)
			}
			break
		}
		if i > 0 {
			a = agree(answer, a)
		}
		if answer = a; answer == Unknown {
			return Unknown
		}
	}
	return answer
}

// from is Yes for releases since lo and before hi, No for others.
func from(lo, hi version) func(version) Answer {
	return func(v version) Answer {
		if v.less(lo) || !v.less(hi) {
			return No
		}
		return Yes
	}
}
