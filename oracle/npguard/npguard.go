// Package npguard is the analyzer of np-guard, used as a library: all pairs of workloads of a folder of manifests,
// with the ports that the policies leave open.
package npguard

import (
	"github.com/np-guard/netpol-analyzer/pkg/logger"
	"github.com/np-guard/netpol-analyzer/pkg/manifests/fsscanner"
	"github.com/np-guard/netpol-analyzer/pkg/netpol/connlist"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
)

// Pair is two workloads, each as "namespace/name".
type Pair struct{ Src, Dst string }

// silent keeps the analyzer's remarks out of the output; its errors are read from what it returns.
type silent struct{}

func (silent) Debugf(string, ...any)        {}
func (silent) Infof(string, ...any)         {}
func (silent) Warnf(string, ...any)         {}
func (silent) Errorf(error, string, ...any) {}

var _ logger.Logger = silent{}

// Read is the manifests of a folder as the analyzer takes them.
func Read(dir string) ([]*resource.Info, error) {
	infos, errs := fsscanner.GetResourceInfosFromDirPath([]string{dir}, true, true)
	if len(errs) > 0 {
		return nil, errs[0]
	}
	return infos, nil
}

// Analyze is all that is allowed between two workloads; pairs without a connection are left out, and so is what
// lies outside the cluster. It is cubic in the number of workloads: a thousand take minutes.
func Analyze(infos []*resource.Info) ([]connlist.Peer2PeerConnection, error) {
	a := connlist.NewConnlistAnalyzer(connlist.WithLogger(silent{}), connlist.WithMuteErrsAndWarns())
	conns, _, err := a.ConnlistFromResourceInfos(infos)
	if err != nil {
		return nil, err
	}
	for _, e := range a.Errors() {
		if e.IsFatal() || e.IsSevere() {
			return nil, e.Error()
		}
	}
	return conns, nil
}

// Pairs is the connections between workloads of an answer.
func Pairs(conns []connlist.Peer2PeerConnection) (map[Pair]netset.Conns, error) {
	out := map[Pair]netset.Conns{}
	for _, c := range conns {
		src, dst := c.Src(), c.Dst()
		if src.IsPeerIPType() || dst.IsPeerIPType() {
			continue
		}
		var set netset.Conns
		if c.AllProtocolsAndPorts() {
			set = netset.Transport() // the three protocols that it knows
		}
		for name, ranges := range c.ProtocolsAndPorts() {
			p, err := netset.ParseProtocol(string(name))
			if err != nil {
				return nil, err
			}
			for _, r := range ranges {
				if in, ok := r.(interface{ InSet() bool }); !ok || !in.InSet() {
					continue // ranges that are not allowed stand in the list, too
				}
				set = set.Union(netset.Ports(p, int(r.Start()), int(r.End())))
			}
		}
		out[Pair{src.Namespace() + "/" + src.Name(), dst.Namespace() + "/" + dst.Name()}] = set
	}
	return out, nil
}
