# The results as lines with tabs, for `column`.

def line($of): [$of[0], $of[1]] + [.requestsPerSecond, .cpuMicrosecondsPerRequest, .p50Milliseconds, .p99Milliseconds,
    .othersOnProxyCorePercent] | map(. // "-") | @tsv;

(["workload", "peer", "req/s", "µs CPU/req", "p50 ms", "p99 ms", "others %"] | @tsv),
(.workloads[] | .name as $name
    | (.peers | to_entries[] | .key as $peer | .value.medians | line([$name, $peer])),
      (.detourTo | to_entries[] | .key as $peer | .value | line([$name, "detour/" + $peer])))
