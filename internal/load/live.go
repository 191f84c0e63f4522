package load

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Live says which cluster to read, with the meaning the same flags have in kubectl.
type Live struct {
	Kubeconfig    string        // file; "" follows KUBECONFIG, then the home folder, then the pod's own account
	Context       string        // "" is the current one
	Namespace     string        // "" is the context's namespace; cluster-wide kinds are read too
	AllNamespaces bool          // stronger than Namespace
	Timeout       time.Duration // of one request; 0 is one minute
}

// pageSize is how many objects one list request asks for, as kubectl does.
const pageSize = 500

// live reads the cluster: only get and list, only the kinds of Kinds, one request at a time.
func (c *collector) live(l *Live) error {
	r, err := newLiveReader(c, l)
	if err != nil {
		return err
	}
	resources, err := r.discover()
	if err != nil {
		return fmt.Errorf("read %s: %w", r.name, err)
	}
	kinds := Kinds()
	for i, k := range kinds {
		res, ok := resources[object.GroupKind{Group: k.Group, Kind: k.Kind}]
		c.progress(int64(i), int64(len(kinds)), kindName(object.GroupKind{Group: k.Group, Kind: k.Kind}))
		if k.With != "" && !r.groups[k.With] {
			continue
		}
		if !ok {
			if !k.Optional && !r.broken[k.Group] {
				r.lost(k, "the cluster does not serve it")
			}
			continue
		}
		if err := r.kind(k, res); err != nil {
			return fmt.Errorf("read %s: %w", r.name, err)
		}
	}
	c.liveFull = l.AllNamespaces && !r.refused
	c.rights = r.rights.list()
	return nil
}

// liveReader is one reading of one cluster.
type liveReader struct {
	c         *collector
	client    *http.Client
	base      *url.URL
	name      string // "cluster:CONTEXT", the file name of everything read
	namespace string // "" for all
	timeout   time.Duration
	refused   bool
	groups    map[string]bool // API groups that the server has, as far as they are wanted
	broken    map[string]bool // those that could not be discovered
	rights    rights
}

func newLiveReader(c *collector, l *Live) (*liveReader, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = l.Kubeconfig
	config := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: l.Context})
	cfg, err := config.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	cfg.UserAgent = "bulkhead"
	context := l.Context
	if raw, err := config.RawConfig(); err == nil && context == "" {
		context = raw.CurrentContext
	}
	namespace := ""
	if !l.AllNamespaces {
		if namespace = l.Namespace; namespace == "" {
			if namespace, _, err = config.Namespace(); err != nil {
				return nil, fmt.Errorf("kubeconfig: %w", err)
			}
		}
	}
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	base, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	return &liveReader{
		c: c, client: client, base: base, name: "cluster:" + cmp.Or(context, "in-cluster"), namespace: namespace,
		timeout: cmp.Or(l.Timeout, time.Minute), groups: map[string]bool{}, broken: map[string]bool{}, rights: rights{},
	}, nil
}

// lost accounts for a kind that could not be read. Where answers about connections rest on it that is an error: a
// policy that nobody read may allow what the others close, and close what they allow.
func (r *liveReader) lost(k Kind, why string) {
	severity := object.Error
	if k.Aside {
		severity = object.Warning
	}
	r.refused = r.refused || !k.Aside
	name := k.Resource
	if k.Group != "" {
		name += "." + k.Group
	}
	if len(k.Match) > 0 {
		name += " named " + strings.Join(k.Match, " or ")
	}
	r.c.missing(object.Pos{File: r.name}, name, why)
	r.c.problem(severity, object.Pos{File: r.name}, fmt.Sprintf("%s: %s; they are not in the input", name, why), "")
}

// statusError is an answer of the API server that is not 200.
type statusError struct {
	code    int
	message string
}

func (e *statusError) Error() string { return fmt.Sprintf("%s (HTTP %d)", e.message, e.code) }

// get fetches one path.
func (r *liveReader) get(path string, query url.Values) ([]byte, error) {
	return r.getAs("application/json", path, query)
}

// getAs fetches one path in a form that the server knows.
func (r *liveReader) getAs(form, path string, query url.Values) ([]byte, error) {
	ctx, cancel := context.WithTimeout(r.c.ctx, r.timeout)
	defer cancel()
	u := r.base.JoinPath(path)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", form)
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, r.c.lim.FileBytes+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > r.c.lim.FileBytes {
		return nil, fmt.Errorf("%s: answer larger than the limit of %s", path, size(r.c.lim.FileBytes))
	}
	r.c.cov.Bytes += int64(len(body))
	r.rights.asked(path, resp.StatusCode)
	if resp.StatusCode == http.StatusOK {
		return body, nil
	}
	var status struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &status) != nil || status.Message == "" {
		status.Message = http.StatusText(resp.StatusCode)
	}
	return nil, &statusError{resp.StatusCode, status.Message}
}

// resourceInfo is where the server serves a kind.
type resourceInfo struct {
	version    string
	name       string // the plural in URLs
	namespaced bool
}

// discover asks which of our kinds the server has, in which version.
func (r *liveReader) discover() (map[object.GroupKind]resourceInfo, error) {
	wanted := map[string]bool{}
	for _, k := range Kinds() {
		wanted[k.Group] = true
	}
	found := map[object.GroupKind]resourceInfo{}
	if err := r.resources("", "v1", "/api/v1", found); err != nil {
		return nil, err
	}
	body, err := r.get("/apis", nil)
	if err != nil {
		return nil, err
	}
	var groups struct {
		Groups []struct {
			Name             string `json:"name"`
			PreferredVersion struct {
				Version string `json:"version"`
			} `json:"preferredVersion"`
			Versions []struct {
				Version string `json:"version"`
			} `json:"versions"`
		} `json:"groups"`
	}
	if err := json.Unmarshal(body, &groups); err != nil {
		return nil, fmt.Errorf("list of API groups: %w", err)
	}
	for _, g := range groups.Groups {
		if !wanted[g.Name] {
			continue
		}
		r.groups[g.Name] = true
		versions := []string{g.PreferredVersion.Version}
		for _, v := range g.Versions { // a kind may live only in a version that is not preferred
			if v.Version != g.PreferredVersion.Version {
				versions = append(versions, v.Version)
			}
		}
		for _, v := range versions {
			err := r.resources(g.Name, v, "/apis/"+g.Name+"/"+v, found)
			if se, ok := errors.AsType[*statusError](err); ok {
				r.broken[g.Name], r.refused = true, true
				at := object.Pos{File: r.name}
				r.c.missing(at, g.Name+"/"+v, "its kinds cannot be discovered: "+se.Error())
				r.c.problem(object.Error, at, fmt.Sprintf("API group %s/%s cannot be discovered: %v", g.Name, v, se), "look at kubectl get apiservices")
			} else if err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// resources adds the kinds of one group version that were not found in a better one.
func (r *liveReader) resources(group, version, path string, found map[object.GroupKind]resourceInfo) error {
	body, err := r.get(path, nil)
	if err != nil {
		return err
	}
	var list struct {
		Resources []struct {
			Name       string `json:"name"`
			Kind       string `json:"kind"`
			Namespaced bool   `json:"namespaced"`
		} `json:"resources"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return fmt.Errorf("resources of %s: %w", path, err)
	}
	for _, res := range list.Resources {
		gk := object.GroupKind{Group: group, Kind: res.Kind}
		if _, ours := r.c.kinds[gk]; !ours || strings.Contains(res.Name, "/") { // parts of objects: pods/status
			continue
		}
		if _, ok := found[gk]; !ok {
			found[gk] = resourceInfo{version, res.Name, res.Namespaced}
		}
	}
	return nil
}

// kind reads the objects of one kind. The error means that the server cannot be talked to at all.
func (r *liveReader) kind(k Kind, res resourceInfo) error {
	root := "/api/" + res.version
	if k.Group != "" {
		root = "/apis/" + k.Group + "/" + res.version
	}
	all, own := root+"/"+res.name, root+"/namespaces/"+r.namespace+"/"+res.name
	narrow := r.namespace != "" && res.namespaced
	var err error
	switch {
	case len(k.Match) > 0:
		err = r.matching(k, root, res.name)
	case len(k.Names) > 0:
		err = r.named(root+"/namespaces/"+k.NamesIn+"/"+res.name, k.Names)
	case r.namespace != "" && k.Group == "" && k.Kind == "Namespace":
		if err = r.list(k, all); isStatus(err, http.StatusForbidden) {
			err = r.named(all, []string{r.namespace})
		}
	case narrow && k.Wide:
		if err = r.list(k, all); isStatus(err, http.StatusForbidden) {
			r.lost(k, "of other namespaces than "+r.namespace+", some of which may hold here too, RBAC refuses: "+err.Error())
			err = r.list(k, own)
		}
	case narrow:
		err = r.list(k, own)
	default:
		err = r.list(k, all)
	}
	var se *statusError
	switch {
	case isStatus(err, http.StatusForbidden), isStatus(err, http.StatusUnauthorized):
		r.lost(k, "RBAC refuses: "+err.Error())
	case isStatus(err, http.StatusNotFound), isStatus(err, http.StatusMethodNotAllowed):
		r.lost(k, "the cluster names it but does not list it")
	case errors.As(err, &se):
		r.lost(k, "the cluster cannot list it: "+se.Error())
	case err != nil:
		return err
	}
	return nil
}

func isStatus(err error, code int) bool {
	var se *statusError
	return errors.As(err, &se) && se.code == code
}

// named fetches objects by name; those that do not exist are no loss.
func (r *liveReader) named(path string, names []string) error {
	for _, name := range names {
		body, err := r.get(path+"/"+name, nil)
		if isStatus(err, http.StatusNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if _, err := r.take(body); err != nil {
			return err
		}
	}
	return nil
}

// metadataOnly asks for a list of names without the content of the objects.
const metadataOnly = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

// matching fetches the objects of all namespaces whose names k.Match describes.
func (r *liveReader) matching(k Kind, root, resource string) error {
	type metadata struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
		Continue  string `json:"continue"` // of the list
	}
	var found []metadata
	query := url.Values{"limit": {fmt.Sprint(pageSize)}}
	for restarts := 0; ; {
		body, err := r.getAs(metadataOnly, root+"/"+resource, query)
		if isStatus(err, http.StatusGone) && restarts < 2 {
			restarts++
			found = nil
			query.Del("continue")
			continue
		}
		if err != nil {
			return err
		}
		var page struct {
			Metadata metadata `json:"metadata"`
			Items    []struct {
				Metadata metadata `json:"metadata"`
			} `json:"items"`
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return fmt.Errorf("names of %s: %w", resource, err)
		}
		for _, it := range page.Items {
			if k.matches(it.Metadata.Name) {
				found = append(found, it.Metadata)
			}
		}
		next := page.Metadata.Continue
		if next == "" {
			break
		}
		if next == query.Get("continue") {
			return fmt.Errorf("%s: the server repeats the same page", resource)
		}
		query.Set("continue", next)
	}
	for _, m := range found {
		if err := r.named(root+"/namespaces/"+m.Namespace+"/"+resource, []string{m.Name}); err != nil {
			return err
		}
	}
	return nil
}

// list reads all pages. When the server forgets the list halfway (410), it starts again, at most twice.
func (r *liveReader) list(k Kind, path string) error {
	before := len(r.c.objects)
	query := url.Values{"limit": {fmt.Sprint(pageSize)}}
	for restarts := 0; ; {
		body, err := r.get(path, query)
		if isStatus(err, http.StatusGone) && restarts < 2 {
			restarts++
			r.c.objects = r.c.objects[:before]
			query.Del("continue")
			continue
		}
		if err != nil {
			if len(r.c.objects) > before {
				r.c.objects = r.c.objects[:before] // half a list would look like a whole one
			}
			return err
		}
		next, err := r.take(body)
		if err != nil {
			return err
		}
		r.c.progress(int64(len(r.c.objects)-before), 0, k.Resource)
		if next == "" || r.c.full {
			return nil
		}
		if next == query.Get("continue") {
			return fmt.Errorf("%s: the server repeats the same page", path)
		}
		query.Set("continue", next)
	}
}

// take adds the object or the list in an answer, and gives the mark of the next page.
func (r *liveReader) take(body []byte) (next string, err error) {
	read, err := r.c.parseJSON(body, 1)
	if err != nil {
		return "", fmt.Errorf("the server sent something unreadable: %w", err)
	}
	d := document{c: r.c, file: r.name, dups: read.dups, trimmed: !read.whole}
	for _, v := range read.values {
		next = v.Get("metadata", "continue").Str()
		if !strings.HasSuffix(v.Get("kind").Str(), "List") || v.Get("items") == nil {
			clearLines(v)
			d.one(v)
			continue
		}
		for _, item := range v.Get("items").List() {
			clearLines(item)
			d.item(item, v)
		}
	}
	return next, nil
}
