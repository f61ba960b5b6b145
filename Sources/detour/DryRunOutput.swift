import Intercept
import InterceptPlanning
import KubernetesModel

extension InterceptRun.DryRun {
    /// The plan as data.
    var output: Output {
        let patch = "\(self.names.namespace)/\(self.names.service)"
        return Output(
            columns: ["STEP", "KIND", "NAME"],
            rows: self.objects.map { ["create", $0.kind, $0.name] } + [["patch", "Service", patch]],
            json: [
                "create": .array(self.objects.map(\.json)),
                "patch": [
                    "service": .string(patch),
                    "operations": .array(self.servicePatch.map(\.json)),
                ],
            ]
        )
    }
}
