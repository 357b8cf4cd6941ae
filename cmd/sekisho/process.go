package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/hub/frame"
	"sekisho/internal/indicator"
	"sekisho/internal/keyring"
	"sekisho/internal/ledger"
	"sekisho/internal/metrics"
	"sekisho/internal/policy"
	"sekisho/internal/policy/exit"
	"sekisho/internal/subject"
)

// process is everything that `sekisho up` runs. It is started against the flow
// and stopped with it: the ledger first and last, the gates last and first.
type process struct {
	file string // of the configuration
	cfg  *config.Loaded
	log  *slog.Logger
	now  func() time.Time
	// words puts what gates say to clients into the operator's language; nil:
	// English.
	words func(text string) string

	ring     *keyring.Ring
	ledger   *ledger.Ledger
	dict     *subject.Dictionary
	past     *history
	self     event.Recorder // what the process itself does
	member   string         // the name under which it joined a hub, or empty
	whole    bool           // everything that it guards is shipped to the hub, not only what leaves
	outer    event.Recorder // self, or at a remote gate what is shipped to the hub
	grants   *grants
	view     *viewKeeper
	gone     *leavingKeeper // nil where only the ledger is asked what left
	cases    *caseKeeper
	heads    *headsPusher // nil without witnesses
	meter    *metrics.Meter
	bases    []*base
	keyed    []*keyedStore
	reading  []chan struct{} // one each database; closed when its identifiers were read in this run
	gates    []*gate
	cut      *cutRoom
	console  *console // nil without one
	webs     []*webGate
	exits    []*exitGate
	resting  together
	refused  *indicator.Set // what nobody may reach
	started  time.Time
	disk     func(dir string) durable.FS // the files below a directory; nil: the real ones
	left     *event.Gap                  // what an outage of an earlier run left unrecorded; nil: nothing
	sockets  *sockets                    // that listen; nil: each run opens its own
	waiting  *waiting                    // sessions that an earlier run kept, or this one for the next
	keeping  atomic.Bool                 // sessions are kept as the run ends
	room     chan struct{}               // closed when an outage for want of room can end
	stopped  sync.Once                   // decides stopCode
	stopCode fault.Code                  // why the ledger stopped

	// next asks the program that would follow for its version and whether it can
	// read the configuration; nil: none can.
	next      func(ctx context.Context) (nextProgram, error)
	leave     chan struct{} // closed when another program shall follow
	keeps     bool          // that takes sessions up; upgrading guards it until leave is closed
	upgrading sync.Mutex    // one at a time orders that
	quietNext time.Time     // upgrading guards it: before it gates are not asked to be quiet in vain again
	upgrade   atomic.Pointer[control.Upgrade]
	followed  *followed // how this run began, if by an upgrade
	hangup    chan os.Signal

	drafting  sync.Mutex // one changes the draft of a policy, or of a protect section, or a file of rules, at a time
	reload    sync.Mutex // one policy change at a time
	running   inForce    // for a run that goes on after a failed upgrade; reload guards it
	bypassing sync.Mutex // the direct way is opened or shut by one at a time
	policy    atomic.Pointer[policy.Policy]
	source    atomic.Pointer[policy.Source] // of policy as it was written; nil when there is none
	exitTurn  sync.Mutex                    // one at a time puts a policy of what leaves in force
	exit      atomic.Pointer[exit.Policy]   // nil without an egress section
}

// open opens the truth and writes down that a run begins.
func (p *process) open(ctx context.Context, progress func(done, all uint64)) error {
	if err := p.openTruth(ctx, progress); err != nil {
		return err
	}
	return p.recordStart(ctx)
}

// openTruth opens keys, ledger and dictionary. It accepts nothing yet.
func (p *process) openTruth(ctx context.Context, progress func(done, all uint64)) error {
	c := p.cfg.Config
	ring, err := keyring.Open(c.Keys)
	if err != nil {
		return keysFault(c.Keys, p.file, err)
	}
	p.ring = ring
	cfg := ledgerConfig(c)
	cfg.Now, cfg.FS = p.now, p.files(cfg.Dir)
	if p.heads = newHeadsPusher(c); p.heads != nil {
		cfg.OnHeads = p.heads.offer
	}
	p.ledger, err = ledger.Open(ctx, cfg)
	if err != nil {
		return ledgerFault(ledgerDir(c), p.file, err)
	}
	if err := p.joined(); err != nil {
		return fault.New(fault.Internal).Because(err)
	}
	p.dict = subject.New(subject.Config{Tenant: event.Tenant(c.Tenant), Keys: ring, Recorder: p.numbersRecorder()})
	head := uint64(p.ledger.Head())
	p.past, err = replay(ctx, p.ledger.Reader, p.dict, ring, p.member, func(i event.Index) { progress(uint64(i), head) })
	if err != nil {
		return fault.New(fault.LedgerOpen, "dir", ledgerDir(c)).Because(err)
	}
	p.meter = metrics.New(version)
	p.self = p.meter.Recorder(p.ledger.Recorder("process", 0), "process")
	p.outer = p.self
	if p.member != "" {
		p.outer = p.meter.Recorder(p.ledger.Recorder(event.Source(frame.Of("process", p.member)), 0), "process")
	}
	return nil
}

// recordStart writes what a crash took, the keys that the ledger does not know
// yet, and the policy.
func (p *process) recordStart(ctx context.Context) error {
	var bodies []event.Body
	if lost := p.ledger.Recovered().Lost; lost != nil {
		gap := *lost
		for i := range p.cfg.Databases {
			gap.Places = append(gap.Places, place(&p.cfg.Databases[i]))
		}
		if p.site() == "" { // else recordLoss tells the hub too
			bodies = append(bodies, &gap)
		}
		if err := p.recordLoss(ctx, &gap); err != nil {
			return err
		}
		p.log.Warn("a power cut may have taken records: the gap is written down", "from", event.Time(gap.From), "to", event.Time(gap.To))
	}
	after, err := p.recordOutage(ctx)
	if err != nil {
		return err
	}
	bodies = append(bodies, after...)
	for _, id := range p.ring.IDs() {
		if !p.past.keys[id] {
			key, err := p.ring.Key(id)
			if err != nil {
				return keysFault(p.cfg.Keys, p.file, err)
			}
			bodies = append(bodies, key.Created())
		}
	}
	loaded, err := p.firstPolicy()
	if err != nil {
		return err
	}
	bodies = append(bodies, loaded)
	if _, err := p.self.Record(ctx, event.Durable, bodies...); err != nil {
		return fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
	}
	p.grants = &grants{rec: p.self, now: p.now}
	p.grants.restore(p.past.grants)
	return nil
}

// firstPolicy puts the configuration's policy in force, unless the ledger has
// seen a newer generation, or another text of the same.
func (p *process) firstPolicy() (*event.PolicyLoaded, error) {
	compiled := p.cfg.Compiled
	older := compiled.Generation() < p.past.generation
	other := compiled.Generation() == p.past.generation && string(compiled.Digest()) != p.past.digest
	if p.cfg.Source != nil && (older || other) {
		return nil, fault.New(fault.PolicyNotNewer,
			"problem", fmt.Sprintf("the ledger has already seen generation %d (%s)", p.past.generation, short(p.past.digest)),
			"hint", fmt.Sprintf("raise generation to %d", p.past.generation+1)).At(p.file, 0, "")
	}
	p.policy.Store(compiled)
	p.source.Store(p.cfg.Source)
	return policyLoaded(compiled), nil
}

func policyLoaded(p *policy.Policy) *event.PolicyLoaded {
	return &event.PolicyLoaded{Generation: p.Generation(), Policy: string(p.Digest())}
}

// run starts views, scans, gates and the control socket, calls ready when
// clients may come, and returns when ctx ends or a part fails. Everything is
// stopped when it returns.
func (p *process) run(ctx context.Context, ready func()) error {
	p.started, p.room, p.leave = p.now(), make(chan struct{}), make(chan struct{})
	p.sockets.begin()
	// Each stage has its own context, so that stopping goes with the flow.
	views := newStage(context.WithoutCancel(ctx))
	scans := newStage(context.WithoutCancel(ctx))
	gates := newStage(context.WithoutCancel(ctx))
	failed := make(chan error, 1)
	err := p.start(ctx, views, scans, gates, failed)
	if err == nil {
		err = errors.Join(p.forgetOutage(), p.recordFollowed(ctx))
	}
	if err != nil {
		p.sockets.stay() // the version before may come back
		p.keeping.Store(true)
	} else {
		ready()
		select {
		case <-ctx.Done():
			p.sockets.close()
		case err = <-failed:
			p.sockets.close()
		case <-p.room:
			p.sockets.stay()
			err = errRoom
		case <-p.leave:
			p.sockets.stay()
			p.keeping.Store(p.keeps)
			err = errUpgrade
		}
	}
	stopped := gates.stop()
	p.collect()
	return p.endOf(err, errors.Join(asked(ctx, err), stopped, scans.stop(), views.stop(), p.close()))
}

func (p *process) start(ctx context.Context, views, scans, gates *stage, failed chan error) error {
	for _, s := range []*stage{views, scans, gates} {
		s.failed, s.excused = failed, p.excused
	}
	views.run("watch of the ledger", p.watchLedger)
	if err := p.startView(ctx, views); err != nil {
		return err
	}
	if err := p.startCases(ctx, views); err != nil {
		return err
	}
	if err := p.startLeaving(ctx, views); err != nil {
		return err
	}
	if p.heads != nil {
		views.run("heads for witnesses", func(ctx context.Context) error {
			return p.heads.run(ctx, func(url string, err error) { p.log.Warn("witness does not take the heads", "witness", url, "err", err) })
		})
	}
	if err := p.startBases(ctx, scans); err != nil {
		return err
	}
	if err := p.startDetect(views); err != nil {
		return err
	}
	p.startExits(scans)
	if err := p.startCuts(ctx, gates); err != nil {
		return err
	}
	if err := p.startGates(ctx, gates); err != nil {
		return err
	}
	if err := p.startFiles(scans); err != nil {
		return err
	}
	p.startDrift(scans)
	if err := p.startWeb(ctx, gates); err != nil {
		return err
	}
	if err := p.startEgress(ctx, gates); err != nil {
		return err
	}
	if err := p.startMetrics(gates); err != nil {
		return err
	}
	if err := p.settleRules(ctx); err != nil {
		return err
	}
	if err := p.startConsole(ctx, gates); err != nil {
		return err
	}
	gates.run("policy reload on SIGHUP", p.followHangup)
	gates.run("acts that a crash left", p.finishing)
	return p.startControl(gates)
}

// close ends the ledger and then the view: what was taken is synced.
func (p *process) close() error {
	var err error
	if p.ledger != nil {
		err = p.ledger.Close()
	}
	return errors.Join(err, p.view.close(), p.gone.close(), p.cases.close(), p.console.close())
}

// stage is a group of goroutines that are stopped together.
type stage struct {
	ctx    context.Context
	cancel context.CancelFunc
	wait   sync.WaitGroup
	failed chan error // takes the first failure of any stage
	// excused reports that a part may end while the others go on; nil: none may.
	excused func(name string, err error) bool

	mu   sync.Mutex
	errs []error
}

func newStage(ctx context.Context) *stage {
	s := &stage{}
	s.ctx, s.cancel = context.WithCancel(ctx)
	return s
}

// run runs f until the stage stops. When f ends before that, the whole process
// does, unless it is excused.
func (s *stage) run(name string, f func(ctx context.Context) error) {
	s.wait.Go(func() {
		err := f(s.ctx)
		if s.ctx.Err() == nil {
			if err == nil {
				err = fmt.Errorf("%s ended", name)
			} else if s.excused != nil && s.excused(name, err) {
				return
			}
			select {
			case s.failed <- err:
			default:
			}
			return
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			s.mu.Lock()
			s.errs = append(s.errs, fmt.Errorf("stop %s: %w", name, err))
			s.mu.Unlock()
		}
	})
}

// stop cancels the stage and waits for its goroutines.
func (s *stage) stop() error {
	s.cancel()
	s.wait.Wait()
	return errors.Join(s.errs...)
}

// upCmd starts the process.
type upCmd struct{}

// Run runs until SIGINT or SIGTERM, then stops in order and exits 0. When it
// took over from another version and cannot start, that comes back.
func (upCmd) Run(a *app) error {
	a.hearHangup()
	defer signal.Stop(a.hangup)
	if a.env.taken {
		var err error
		if a.handover, err = takeHandover(a.env.getenv); err != nil {
			return err
		}
		a.sockets = newSockets(nil)
		if h := a.handover; h != nil {
			a.sockets, a.followed = newSockets(h.Sockets), &followed{Upgrade: h.Upgrade}
		}
		a.waiting = a.handover.sessions(a)
	}
	return a.handover.goBack(a, a.up())
}

func (a *app) up() error {
	l, err := a.handover.load(a)
	if err != nil {
		return err
	}
	if a.env.relax != nil {
		if err := a.env.relax(); err != nil {
			a.log().Warn("timers stay exact: the scheduler's monitor costs more than it need", "err", err)
		}
	}
	if len(l.Web) > 0 {
		saveCollections()
	}
	if err := os.MkdirAll(viewDir(l.Config), 0o700); err != nil {
		return fault.New(fault.ViewOpen, "file", viewDir(l.Config)).Because(err)
	}
	return a.serve(l)
}

// serve runs the process. It begins anew, with the configuration as it is then,
// when a disk that was full has room again, and as it was when another program
// was to follow and cannot be begun.
func (a *app) serve(l *config.Loaded) error {
	for {
		err := a.once(l)
		switch {
		case errors.Is(err, errUpgrade):
			if err = a.follow(); a.ctx.Err() != nil {
				return nil
			}
			a.log().Error("the other program cannot be begun: this one goes on", "err", err)
			if l, err = a.inForce.load(a.config); err != nil {
				return err
			}
		case errors.Is(err, errRoom):
			if l, err = a.load(); err != nil {
				return err
			}
			a.inForce = nil
		default:
			return err
		}
	}
}

// once is one run, from the opening of the ledger to its end.
func (a *app) once(l *config.Loaded) error {
	processors := runtime.GOMAXPROCS(0) // gates reserve some
	defer func() { runtime.GOMAXPROCS(processors) }()
	p := &process{file: a.config, cfg: l, log: a.log(), now: time.Now, disk: a.env.disk,
		words: func(text string) string { return reasonIn(a.say, text) }, sockets: a.sockets, waiting: a.waiting, followed: a.followed, hangup: a.hangup}
	if p.running = (inForce{Text: l.Text}); a.inForce != nil {
		p.running = *a.inForce
	}
	if a.env.taken {
		p.next = a.nextVersion
	}
	bar := a.progress("progress_replay")
	err := p.open(a.ctx, bar.show)
	bar.end()
	if err != nil {
		return p.ended(errors.Join(asked(a.ctx, err), p.close()))
	}
	defer func() {
		if u := p.upgrade.Load(); u != nil {
			a.followed, a.inForce = &followed{Upgrade: *u}, &p.running
		}
	}()
	return p.ended(p.run(a.ctx, func() {
		a.handover.done()
		a.sockets.settle()
		p.settleSessions()
		tellManager(a.env.getenv, "READY=1")
		context.AfterFunc(a.ctx, func() { tellManager(a.env.getenv, "STOPPING=1") })
		for _, g := range p.gates {
			p.log.Info("gate listens", "gate", g.cfg.Name, "address", g.listener.Addr().String(), "database", g.cfg.Database, "mode", g.cfg.Mode)
		}
		p.sayConsole(a)
		p.log.Info("ready", "tenant", l.Tenant, "events", uint64(p.ledger.Head()))
	}))
}

// saveCollections has garbage collected half as often, unless the environment says
// how often (GOGC): the rules of a firewall are a hundred megabytes that are looked
// through each time, and each request leaves a hundred kilobytes behind.
func saveCollections() {
	const usual, percent = 100, 200
	if before := debug.SetGCPercent(percent); before != usual {
		debug.SetGCPercent(before)
	}
}

// ended says so when the end was clean.
func (p *process) ended(err error) error {
	if err == nil {
		p.log.Info("stopped")
	}
	return err
}

// asked drops the error of a start that was given up because somebody asked
// the process to stop: that is a clean end.
func asked(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
