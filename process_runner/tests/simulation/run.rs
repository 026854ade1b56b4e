//! One seed: its schedule is played, and the history judged.

use std::path::Path;
use std::time::Duration;

use tests::history::{Event, Rules, Violation, What, judge};

use super::recovery;
use super::schedule::{Schedule, TTL};
use super::watchdog::Watchdog;
use super::world::World;

/// Once the faults are over, every slot is worked on again within this time and what its user's
/// preparing takes: the lease of who died last, the store's next look at leases and the grant after
/// it, and half a second for whatever has to try again, a session, a grant or a worker that fails. The last
/// renewal of a process that was killed may arrive after its death, and a lease lasts from there.
/// The slowest of 6,000 seeds took 5.45 s, and 99 of 100 at most 4.6 s.
///
/// Preparing counts twice: a slot that comes to one node as an orphan may go to another, which came
/// a second later, before its worker has begun.
const RECOVER: Duration = Duration::from_millis(5_000 + 600 + 500);
/// A slot that a job has no more, because it was shrunk meanwhile, is held so long at most after that:
/// its worker stops, through every phase of a stop. If it had to be dropped, or died, the slot is granted
/// once more a second later, to be unlocked.
fn leave(schedule: &Schedule) -> Duration {
    let cancel = schedule.drain.min(Duration::from_secs(5));
    let unlock = schedule.jobs.iter().map(|job| job.unlock_ms).max();
    schedule.drain + cancel + Duration::from_millis(1_000 + 1_000 + unlock.unwrap_or(0))
}
/// Within this time nothing is left to move.
const BALANCE: Duration = Duration::from_secs(60);

/// What came of a run.
pub(crate) struct Outcome {
    pub(crate) schedule: Schedule,
    pub(crate) events: Vec<Event>,
    pub(crate) violations: Vec<Violation>,
    /// What is wrong at the end, besides.
    pub(crate) complaints: Vec<String>,
    /// How long after the calm every slot was worked on again, without the user's preparing.
    pub(crate) recovered: Duration,
}

/// Plays the schedule of a seed.
pub(crate) fn run(seed: u64) -> Outcome {
    play(Schedule::of(seed))
}

/// Plays a schedule.
pub(crate) fn play(schedule: Schedule) -> Outcome {
    let mut world = World::new(&schedule);
    let watchdog = Watchdog::over(&schedule, &world.trace);
    for step in &schedule.steps {
        world.run_until(step.at);
        world.carry_out(&step.what);
    }
    world.run_until(schedule.calm);
    world.mend();
    let calm = world.now;
    let prepare = schedule.jobs.iter().map(|job| job.prepare_ms).max();
    let bound = RECOVER + schedule.last_words();
    let recover = bound + Duration::from_millis(2 * prepare.unwrap_or(0));
    world.run_until(calm + recover);
    let mut complaints = Vec::new();
    let mut complain = |world: &World, what: &str| {
        let (after, owners) = (world.now - calm, world.outside.owners());
        complaints.push(format!("after {after:?} {what}: {owners:?}"));
    };
    if !world.is_whole() {
        complain(&world, "slots have no owner");
    }
    let left = calm + recover + leave(&schedule);
    while !world.is_complete() && world.now < left {
        world.run_until(world.now + Duration::from_millis(500));
    }
    if !world.is_complete() {
        complain(&world, "the slots are not those of the jobs");
    }
    while world.spread() > 1 && world.now < calm + BALANCE {
        world.run_until(world.now + Duration::from_millis(500));
    }
    if world.spread() > 1 || !world.is_complete() {
        complain(&world, "the spread is not even");
    }
    drop(watchdog);
    let events = world.trace.events();
    let rules = Rules {
        wake: Duration::from_millis(50),
        notice: TTL,
        recover,
    };
    let violations = judge(&events, rules);
    let mut recovered = Duration::ZERO;
    for job in &schedule.jobs {
        let prepare = Duration::from_millis(2 * job.prepare_ms);
        for (slot, after) in recovery::of(&events, job.name) {
            let after = after.map(|after| after.saturating_sub(prepare));
            recovered = recovered.max(after.unwrap_or(Duration::MAX));
            if after.is_none_or(|after| after > bound) {
                let complaint = format!("{slot} is worked on after {after:?}, not {bound:?}");
                complaints.push(complaint);
            }
        }
    }
    Outcome {
        schedule,
        events,
        violations,
        complaints,
        recovered,
    }
}

/// Writes the story of a seed, and says where it is and how to see it happen again.
pub(crate) fn tell(seed: u64, text: &str) -> String {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("simulation");
    let path = dir.join(format!("seed-{seed}.txt"));
    let written = std::fs::create_dir_all(&dir).and_then(|()| std::fs::write(&path, text));
    let story = match written {
        Ok(()) => path.display().to_string(),
        Err(error) => format!("not written: {error}"),
    };
    format!("  trace:  {story}\n  replay: cargo xtask sim --seed {seed}\n")
}

impl Outcome {
    pub(crate) fn is_good(&self) -> bool {
        self.violations.is_empty() && self.complaints.is_empty()
    }

    /// Everything, for a reader.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n", self.schedule);
        for event in &self.events {
            text += &format!("{event}\n");
        }
        text += &self.verdict();
        text
    }

    /// What is wrong, where the whole story is, and how to see it again. Writes the story.
    pub(crate) fn report(&self) -> String {
        let seed = self.schedule.seed;
        let where_to_look = tell(seed, &self.text());
        let recovered = self.recovered;
        format!(
            "seed {seed}\n{}  everything was worked on again {recovered:?} after the last fault\n{where_to_look}",
            self.verdict()
        )
    }

    /// What is wrong.
    pub(crate) fn verdict(&self) -> String {
        let mut text = String::new();
        for violation in &self.violations {
            text += &format!("{violation}\n");
        }
        for complaint in &self.complaints {
            text += &format!("{complaint}\n");
        }
        text
    }

    /// How many effects the resource accepted, and how many it refused.
    pub(crate) fn effects(&self) -> (usize, usize) {
        let verdicts = self.events.iter().filter_map(|event| match event.what {
            What::Effect { accepted, .. } => Some(accepted),
            _ => None,
        });
        let (accepted, refused): (Vec<_>, Vec<_>) = verdicts.partition(|accepted| *accepted);
        (accepted.len(), refused.len())
    }
}
