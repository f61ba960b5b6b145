# The results as a document, from one object for each measurement (slurped) and $about, what is true for all of them.

def median: sort | if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def digits($count): if . == null then null else . * pow(10; $count) | round / pow(10; $count) end;

def figures: ["cpu_us", "rps", "conn_per_s", "p50_ms", "p99_ms", "rss_mib", "others_percent"];
def round_of: {
    work, proxy, round,
    cpu_us: (if .cpuSeconds then .cpuSeconds * 1000000 / .requests | digits(2) else null end),
    rps: (.requests * 1000000 / .microseconds | digits(0)),
    p50_ms: (.p50 / 1000),
    p99_ms: (.p99 / 1000),
    rss_mib: (if .rssKiB then .rssKiB / 1024 | digits(1) else null end),
    others_percent: (.othersSeconds * 100000000 / .microseconds | digits(1)),
    socketErrors, timeouts
} | if .work == "http1-new" then .conn_per_s = .rps else . end;
def medians: . as $rounds | reduce figures[] as $figure ({};
    [$rounds[][$figure] | values] as $values
    | if $values | length > 0 then .[$figure] = ($values | median | digits(3)) else . end);

map(. + {measured: round_of}) as $all
| ($all | map(.measured)) as $rounds
| $about + {
    notes: [
        "One proxy works at a time, alone on one core, pinned; the load generator (one thread) and the origin (nginx, one worker) share another.",
        "Load generator and origin are often what limits requests per second; CPU per request is the fair figure.",
        "cpu_us is user and system time of the proxy for each request, in microseconds: the whole relay, nginx's worker without its master, HAProxy with one thread. Medians of the rounds.",
        "detour and haproxy open one connection to the origin for each client connection; nginx and haproxy-pooled share a pool of kept ones, nginx-unpooled opens one for each request.",
        "detour forwards heads as they came; the others write new ones. All match one header that no request has. detour and nginx log each request as JSON to the null device; HAProxy does not log.",
        "others_percent is the time of the proxy's core that went to anything else, hypervisor included: what makes a round worth less.",
        "Latencies are those of a closed loop: a slow answer delays the next request instead of queueing it."
    ],
    load: ($all | map({(.work): .load}) | add),
    work: (reduce ($rounds | group_by([.work, .proxy])[]) as $group ({};
        .[$group[0].work][$group[0].proxy] = ($group | medians))),
    rounds: $rounds
}
