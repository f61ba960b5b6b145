import ArgumentParser
import Intercept
import KubernetesClient

extension InterceptCommand {
    /// Intercepts until it is interrupted, or until the command it runs has ended.
    func intercept(_ options: InterceptOptions, _ client: KubernetesClient) async throws {
        let render = EventRenderer(format: self.output, isQuiet: self.quiet).render
        let localSide = self.localSide
        let command = localSide.localCommand(render)
        let run = InterceptRun(
            options: options,
            client: client,
            prepare: { side in try await localSide.prepare(side, command, client, render) },
            events: render
        )
        guard let command else { return try await run.run(until: { await Signals.interruption() }) }
        let outcome = await command.run(signals: Signals.each) { until in try await run.run(until: until) }
        if let failure = outcome.failure { Terminal.say("\(failure)", .error) }
        guard outcome.status == 0 else { throw ExitCode(outcome.status) }
    }
}
