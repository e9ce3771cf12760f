import com.google.gson.Gson;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Runs the scenarios of ../scenarios.ts with the official Java client, against the broker of
 * PUBSUB_EMULATOR_HOST. Prints one line of JSON per scenario: {"scenario": ..., "facts": {...}} or
 * {..., "error": "..."}.
 */
public final class Main {
  private Main() {}

  private interface Scenario {
    Map<String, Object> run(Bench bench) throws Exception;
  }

  private static final Map<String, Scenario> SCENARIOS = Map.of(
      "batching", Scenarios::batching,
      "ordering", Scenarios::ordering,
      "exactly-once", Scenarios::exactlyOnce,
      "dead-letter", Scenarios::deadLetter,
      "filter", Scenarios::filter,
      "snapshot", Scenarios::snapshot,
      "seek", Scenarios::seek,
      "detach", Scenarios::detach,
      "flow-control", LeaseScenarios::flowControl,
      "lease", LeaseScenarios::lease);

  public static void main(String[] args) throws Exception {
    List<Thread> threads = new ArrayList<>();
    SCENARIOS.forEach((name, scenario) -> threads.add(new Thread(() -> run(name, scenario))));
    for (Thread thread : threads) {
      thread.start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    System.exit(0);
  }

  private static void run(String name, Scenario scenario) {
    Map<String, Object> line = new HashMap<>(Map.of("scenario", name));
    try {
      line.put("facts", scenario.run(new Bench(System.getenv("PUBSUB_EMULATOR_HOST"), name)));
    } catch (Exception failure) {
      line.put("error", failure.toString());
    }
    System.out.println(new Gson().toJson(line));
  }
}
