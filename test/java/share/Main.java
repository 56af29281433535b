/** Runs what share consumers and their administrators do against a broker: {@code Main ADDRESS [PART OF A NAME]}. */
public class Main {
  public static void main(String[] args) throws Exception {
    var all = new Scenarios<Scene>(name -> new Scene(args[0], name));
    Acknowledgement.addTo(all.scenarios);
    Delivery.addTo(all.scenarios);
    Subscription.addTo(all.scenarios);
    Administration.addTo(all.scenarios);
    Tools.addTo(all.alone);
    // They mostly wait.
    all.play(6, args.length > 1 ? args[1] : "");
  }
}
