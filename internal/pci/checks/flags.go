package checks

import (
	"path"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// component is one run of a program, as the pod that runs it starts it.
type component struct {
	ref   object.Ref // of the workload; of the pod when nothing owns it
	pos   object.Pos // of the container
	pod   *cluster.Pod
	image string
	flags map[string]flag
	doubt string // why there may be flags that are not seen; "" when all are
}

// flag is the last use of a flag.
type flag struct {
	value string
	pos   object.Pos
}

// get gives a flag's value. sure says that the answer is certain: an absent flag is not set anywhere else, and
// a value holds no variable.
func (c component) get(name string) (f flag, set, sure bool) {
	f, set = c.flags[name]
	return f, set, c.doubt == "" && (!set || !strings.Contains(f.value, "$("))
}

// bools are the flags asked for here that take no value of their own: "--profiling false" is true and a word.
var bools = []string{
	"anonymous-auth", "profiling", "client-cert-auth", "peer-client-cert-auth", "auto-tls", "peer-auto-tls",
	"rotate-certificates", "kubelet-https", "audit-webhook-truncate-enabled",
}

// components finds the containers that run a program: by the first word of the command, or by the container's
// name when the image or a shell starts it.
func components(in *pci.Input, program string) []component {
	var out []component
	for _, p := range in.Cluster.Pods {
		for _, c := range p.Spec.Get("containers").List() {
			words := append(slices.Clone(c.Get("command").List()), c.Get("args").List()...)
			at := slices.IndexFunc(words, func(w *object.Value) bool { return path.Base(w.Str()) == program })
			named := c.Get("name").Str() == program
			if at != 0 && at != 1 && !named { // "hyperkube kube-apiserver" is in second place
				continue
			}
			k := component{ref: p.Workload.Ref, pos: p.Object.At(c), pod: p, image: c.Get("image").Str(), flags: map[string]flag{}}
			switch {
			case at == 0 || at == 1 && path.Base(words[0].Str()) == "hyperkube":
				words = words[at+1:]
			case len(c.Get("command").List()) == 0 && len(words) > 0 && strings.HasPrefix(words[0].Str(), "-"):
			default:
				k.doubt = "a script starts it, and what flags that gives is not read"
			}
			k.read(p.Object, words)
			if program == "etcd" {
				k.readEnv(p.Object, c)
			}
			for _, config := range []string{"config-file", "openshift-config", "config"} {
				if _, set := k.flags[config]; set && k.doubt == "" {
					k.doubt = "its configuration file (--" + config + ") is not in the input"
				}
			}
			out = append(out, k)
		}
	}
	return out
}

// read takes "--name=value", "--name value" and "--name". Kubernetes' programs take "_" for "-" in names.
func (c *component) read(o *object.Object, words []*object.Value) {
	for i := 0; i < len(words); i++ {
		w := words[i].Str()
		name := strings.TrimPrefix(strings.TrimPrefix(w, "-"), "-")
		if name == w || name == "" {
			continue
		}
		name, value, has := strings.Cut(name, "=")
		name = strings.ReplaceAll(name, "_", "-")
		f := flag{value: value, pos: o.At(words[i])}
		switch {
		case has:
		case slices.Contains(bools, name) || i+1 == len(words) || strings.HasPrefix(words[i+1].Str(), "-"):
			f.value = "true"
		default:
			i++
			f.value = words[i].Str()
		}
		c.flags[name] = f
	}
}

// readEnv takes etcd's environment: each flag has a variable, and the flag wins (etcd documentation,
// configuration options).
func (c *component) readEnv(o *object.Object, container *object.Value) {
	for _, e := range container.Get("env").List() {
		name, ok := strings.CutPrefix(e.Get("name").Str(), "ETCD_")
		if !ok {
			continue
		}
		name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		if _, given := c.flags[name]; given {
			continue
		}
		value := e.Get("value").Str()
		if e.Get("valueFrom").IsSet() {
			value = "$(" + e.Get("name").Str() + ")"
		}
		c.flags[name] = flag{value: value, pos: o.At(e)}
	}
	if len(container.Get("envFrom").List()) > 0 && c.doubt == "" {
		c.doubt = "part of its environment is not in the input (envFrom)"
	}
}

// eachAPIServer judges every run of the API server. judge gives nil when it holds; question is asked when the
// input has none of it.
func eachAPIServer(in *pci.Input, question, sentence string, judge func(component) *pci.Finding) []pci.Finding {
	var found []pci.Finding
	runs := components(in, "kube-apiserver")
	if len(runs) == 0 {
		return hidden(in, question)
	}
	for _, c := range runs {
		if f := judge(c); f != nil {
			found = append(found, c.finish(*f))
		}
	}
	return withSummary(found, len(runs), len(runs)-len(found), "runs of kube-apiserver", sentence)
}

// finish names the run in a finding, with its doubt when it is undecided.
func (c component) finish(f pci.Finding) pci.Finding {
	f.Subject = c.ref
	f.Key = c.pod.Name + "/" + f.Key
	if f.Pos.File == "" {
		f.Pos = c.pos
	}
	if f.Status == pci.Unknown && c.doubt != "" {
		f.Message += ": " + c.doubt
	}
	return f
}

// isTrue reads a boolean flag; known is false for a variable or anything else (strconv.ParseBool).
func isTrue(value string) (yes, known bool) {
	switch value {
	case "1", "t", "T", "true", "TRUE", "True":
		return true, true
	case "0", "f", "F", "false", "FALSE", "False":
		return false, true
	}
	return false, false
}

// boolFlag judges a boolean flag that must have a value: nil when it has. absent is its default.
func (c component) boolFlag(name string, want, absent bool, bad string) *pci.Finding {
	f, set, sure := c.get(name)
	has, known := absent, true
	if set {
		has, known = isTrue(f.value)
	}
	switch {
	case known && set && has != want, known && !set && sure && has != want:
		return &pci.Finding{Status: pci.Fail, Pos: f.pos, Key: name, Message: bad}
	case !known || !sure && !set:
		return &pci.Finding{Status: pci.Unknown, Pos: f.pos, Key: name, Message: "the value of --" + name + " is not known"}
	}
	return nil
}
