# The results as a document, from one object for each measurement (slurped) and $about, what is true for all of them.

def median: sort | if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def digits($count): if . == null then null else . * pow(10; $count) | round / pow(10; $count) end;
def ratio($a; $b): if $a == null or $b == null or $b == 0 then null else $a / $b | digits(2) end;

# Groups in the order in which they were measured first.
def grouped(key): to_entries | group_by(.value | key) | sort_by(.[0].key) | map(map(.value));

def figures: ["requestsPerSecond", "cpuMicrosecondsPerRequest", "p50Milliseconds", "p99Milliseconds"];
def round_of: {
    round,
    requestsPerSecond: (.requests * 1000000 / .microseconds | digits(0)),
    cpuMicrosecondsPerRequest: (if .cpuSeconds then .cpuSeconds * 1000000 / .requests | digits(2) else null end),
    p50Milliseconds: (.p50 / 1000),
    p99Milliseconds: (.p99 / 1000),
    othersOnProxyCorePercent: (.othersSeconds * 100000000 / .microseconds | digits(1)),
    socketErrors, timeouts
};
def medians: . as $rounds | reduce (figures[], "othersOnProxyCorePercent") as $figure ({};
    .[$figure] = ([$rounds[][$figure] | values] | if length > 0 then median | digits(3) else null end));
def compared($peers; $to): reduce figures[] as $figure ({};
    .[$figure] = ratio($peers.detour.medians[$figure]; $peers[$to].medians[$figure]));

$about + {
    notes: [
        "One proxy works at a time, alone on one core, pinned; wrk (one thread) and the origin (nginx, one worker) share another.",
        "Load generator and origin are often what limits requests per second; CPU per request is the fair figure.",
        "cpuMicrosecondsPerRequest is user and system time of the proxy: the whole relay, and nginx's worker without its master.",
        "detour opens one connection to the origin for each client connection. nginx shares a pool of kept ones, which is less work when every request is a new connection.",
        "detour forwards heads as they came; nginx writes new ones. Both match one header that no request has, and both log each request as JSON to the null device.",
        "othersOnProxyCorePercent is the time of the proxy's core that went to anything else, hypervisor included: what makes a round worth less.",
        "Latencies are those of a closed loop: a slow answer delays the next request instead of queueing it."
    ],
    workloads: [
        grouped(.workload)[] | {
            name: .[0].workload,
            load: .[0].load,
            peers: (grouped(.peer) | map(map(round_of) as $rounds
                | { (.[0].peer): { medians: ($rounds | medians), rounds: $rounds } }) | add)
        } | .detourTo = ({ nginx: compared(.peers; "nginx"), none: compared(.peers; "none") })
    ]
}
