package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// analysis is everything that is known about one input, from its objects up to the model.
type analysis struct {
	loaded   *load.Result
	intent   *pci.Intent // nil when nobody stated one
	cluster  *cluster.Cluster
	scope    *pci.Scope // nil when nobody stated one
	profile  enforcer.Profile
	policies policy.Set
	model    *reach.Model
	exposure exposure.Set
	problems []object.Problem // of all steps, by place
	today    string           // the day to judge by, "2026-01-31"
	assumed  []string         // facts that were stated and not read, with who stated them
}

func errUnfit(command, flag string) error {
	return fmt.Errorf("%s does not work with %s", command, flag)
}

// analyse is the whole way from sources to a model: load, intent, cluster, enforcer, policies, reach,
// exposure. Flags are stronger than what the intent assumes, and that is stronger than what is detected.
func (g *globals) analyse(ctx context.Context, sources []string, o *sourceOptions) (*analysis, error) {
	p := &progress{}
	if g.errTTY && !o.noProgress {
		p.w = g.stderr
	}
	defer p.done()
	loaded, err := g.read(ctx, sources, o, p)
	if err != nil {
		return nil, err
	}
	p.phase("computing")
	now, err := clock()
	if err != nil {
		return nil, err
	}
	return conclude(loaded, o, cmp.Or(o.today, now.Format(time.DateOnly)))
}

// clock is the time in UTC; SOURCE_DATE_EPOCH stands for it where results must not change.
func clock() (time.Time, error) {
	s := os.Getenv("SOURCE_DATE_EPOCH")
	if s == "" {
		return time.Now().UTC(), nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(n, 0).UTC(), nil
}

// read is the first step: the objects of the sources. No object at all is an error.
func (g *globals) read(ctx context.Context, sources []string, o *sourceOptions, p *progress) (*load.Result, error) {
	if err := o.check(sources); err != nil {
		return nil, err
	}
	loaded, err := load.Load(ctx, sources, o.loading(g, p))
	if err != nil {
		return nil, err
	}
	if o.history != "" {
		past, err := readHistory(ctx, o.history)
		if err != nil {
			return nil, fmt.Errorf("--history: %w", err)
		}
		loaded.Objects = append(loaded.Objects, past)
	}
	if o.probeTLS {
		if err := g.probe(ctx, loaded, o, p); err != nil {
			return nil, fmt.Errorf("--probe-tls: %w", err)
		}
	}
	if len(loaded.Objects) == 0 {
		printProblems(g.stderr, loaded.Problems)
		return nil, hint(errors.New("no Kubernetes object found in the input"), "SOURCE is a manifest, a folder of manifests, a chart, a kustomization or kubectl output")
	}
	return loaded, nil
}

// conclude is everything after reading, judged by a day.
func conclude(loaded *load.Result, o *sourceOptions, today string) (*analysis, error) {
	opt, err := o.facts()
	if err != nil {
		return nil, err
	}
	label, err := o.label()
	if err != nil {
		return nil, err
	}
	a := &analysis{loaded: loaded, today: today, problems: slices.Clone(loaded.Problems)}
	var more []object.Problem
	said := pci.ReadAssume(a.loaded.Objects)
	a.assume(&opt, said)
	opt.Complete = opt.Complete || a.loaded.Coverage.Complete
	a.cluster, more = cluster.New(a.loaded.Objects, opt)
	a.problems = append(a.problems, more...)
	a.intent, more = pci.ReadIntent(a.cluster)
	a.problems = append(a.problems, more...)
	if a.profile, err = a.engine(o.enforcer, said); err != nil {
		return nil, err
	}
	a.policies = kinds.Compile(a.cluster)
	a.problems = append(append(a.problems, a.policies.Problems...), inert(a.cluster, a.policies, a.profile)...)
	a.model = reach.Compile(a.cluster, a.policies, a.profile)
	a.exposure = exposure.Find(a.cluster)
	a.problems = append(a.problems, a.exposure.Problems...)
	a.scope, more = pci.ScopeOf(a.cluster, a.intent, label)
	a.problems = append(a.problems, more...)
	slices.SortStableFunc(a.problems, object.Problem.Compare)
	a.problems = slices.Compact(a.problems)
	return a, nil
}

// facts are the options of the picture that flags state.
func (o *sourceOptions) facts() (cluster.Options, error) {
	opt := cluster.Options{DefaultNamespace: o.namespace}
	var errs [3]error
	opt.PodCIDRs, errs[0] = cidrs("pod-cidr", o.podCIDRs)
	opt.ServiceCIDRs, errs[1] = cidrs("service-cidr", o.svcCIDRs)
	opt.NodeCIDRs, errs[2] = cidrs("node-cidr", o.nodeCIDRs)
	return opt, errors.Join(errs[:]...)
}

// label is the label of --scope-label.
func (o *sourceOptions) label() (pci.ScopeLabel, error) {
	if o.scopeLabel == "" {
		return pci.ScopeLabel{}, nil
	}
	l, err := pci.ParseScopeLabel(o.scopeLabel)
	if err != nil {
		return l, fmt.Errorf("--scope-label: %w", err)
	}
	return l, nil
}

func (o *sourceOptions) loading(g *globals, p *progress) load.Options {
	opt := load.Options{Stdin: g.stdin, Values: o.values, Set: o.set, Namespace: o.namespace, Progress: p.update}
	if o.live {
		opt.Live = &load.Live{Kubeconfig: o.kubeconfig, Context: o.context, Namespace: o.namespace, AllNamespaces: o.namespace == ""}
	}
	return opt
}
