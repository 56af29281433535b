import java.util.List;

/** Runs Kafka Streams applications against a broker: {@code Main ADDRESS classic|streams [PART OF A NAME]}. */
public class Main {
  public static void main(String[] args) throws Exception {
    var all = new Scenarios<Scene>(new Scenarios.Stage<>() {
      @Override
      public Scene scene(String name) {
        return new Scene(args[0], args[1], name);
      }

      @Override
      public List<Throwable> errors(Scene scene) {
        return scene.errors();
      }
    });
    Records.addTo(all.scenarios);
    Tables.addTo(all.scenarios);
    Windows.addTo(all.scenarios);
    Joins.addTo(all.scenarios);
    Instances.addTo(all.scenarios);
    ExactlyOnce.addTo(all.scenarios);
    Queries.addTo(all.scenarios);
    Topics.addTo(all.scenarios);
    if (args[1].equals("classic")) {
      ClassicGroups.addTo(all.scenarios);
      Tools.addClassicTo(all.alone);
    } else {
      StreamsGroups.addTo(all.scenarios);
      Tools.addStreamsTo(all.alone);
    }
    Tools.addTo(all.alone);
    // They mostly wait.
    all.play(5, args.length > 2 ? args[2] : "");
  }
}
